package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"quorate/tuning"
)

// profileKey is the setting that chooses where all others start.
const profileKey = "profile"

// envPrefix starts the name of every environment variable that is ours.
const envPrefix = "QUORATE_"

// settings are a node's soft numbers and where each comes from.
type settings struct {
	profileName string
	profile     tuning.Profile
	origins     map[string]string // key → flag, variable, file and line, or profile
}

// given is one setting as somebody wrote it.
type given struct{ key, value, origin string }

// settingFlags gives cmd one flag per setting and a function that lists those
// that were used. They are hidden: 'replica config' explains them better than
// a help text can.
func settingFlags(cmd *cobra.Command) func() []given {
	values := map[string]*string{}
	for _, key := range settingKeys() {
		name := strings.ReplaceAll(key, "_", "-")
		values[key] = cmd.Flags().String(name, "", "see: replica config")
		_ = cmd.Flags().MarkHidden(name)
	}
	return func() (used []given) {
		for _, key := range settingKeys() {
			name := strings.ReplaceAll(key, "_", "-")
			if cmd.Flags().Changed(name) {
				used = append(used, given{key, *values[key], "flag --" + name})
			}
		}
		return used
	}
}

func settingKeys() []string { return append([]string{profileKey}, tuning.Keys()...) }

// loadSettings applies, weakest first, the profile, the file config.yaml in dir,
// the environment and the flags. environ has the form of os.Environ. No file is
// as good as an empty one.
func loadSettings(dir string, environ []string, flags []given) (*settings, error) {
	file, err := fileLayer(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	return mergeSettings(file, environ, flags)
}

func mergeSettings(file []given, environ []string, flags []given) (*settings, error) {
	env, err := envLayer(environ)
	if err != nil {
		return nil, err
	}
	layers := slices.Concat(file, env, flags)

	s := &settings{profileName: tuning.Balanced, origins: map[string]string{profileKey: "default"}}
	for _, g := range layers {
		if g.key == profileKey {
			s.profileName, s.origins[profileKey] = g.value, g.origin
		}
	}
	if s.profile, err = tuning.Named(s.profileName); err != nil {
		return nil, fmt.Errorf("%s: %w", s.origins[profileKey], err)
	}
	for _, key := range tuning.Keys() {
		s.origins[key] = "profile " + s.profileName
	}
	for _, g := range layers {
		if g.key == profileKey {
			continue
		}
		if err := s.profile.Set(g.key, g.value); err != nil {
			return nil, fmt.Errorf("%s: %w", g.origin, err)
		}
		s.origins[g.key] = g.origin
	}
	return s, s.profile.Validate()
}

// envLayer lists our variables. An unknown one is a mistake like an unknown key
// in a file: a misspelt variable that is passed over is found out much later.
func envLayer(environ []string) ([]given, error) {
	var layer []given
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		bare, ours := strings.CutPrefix(name, envPrefix)
		if !ours {
			continue
		}
		key := strings.ToLower(bare)
		if !slices.Contains(settingKeys(), key) {
			return nil, fmt.Errorf("environment: %s is not a setting; unset it or correct its name (replica config lists all)", name)
		}
		layer = append(layer, given{key, value, "environment " + name})
	}
	return layer, nil
}

// fileLayer reads a flat YAML mapping of settings; every value remembers its
// line.
func fileLayer(path string) ([]given, error) {
	text, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseSettings(path, text)
}

// parseSettings reads the text of a configuration; path is for its errors.
func parseSettings(path string, text []byte) ([]given, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w; correct the syntax near that line", path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: more than one YAML document; leave one", path)
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: line %d: settings are key: value lines", path, top.Line)
	}
	var layer []given
	lines := map[string]int{}
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, value := top.Content[i], top.Content[i+1]
		origin := fmt.Sprintf("%s: line %d", path, key.Line)
		switch {
		case key.Kind != yaml.ScalarNode || value.Kind != yaml.ScalarNode:
			return nil, fmt.Errorf("%s: %q is not a plain key: value line", origin, key.Value)
		case lines[key.Value] != 0:
			return nil, fmt.Errorf("%s: %s stands twice, first in line %d; remove one of the two", origin, key.Value, lines[key.Value])
		case !slices.Contains(settingKeys(), key.Value):
			return nil, fmt.Errorf("%s: unknown key %q; remove it or correct its name (replica config lists all)", origin, key.Value)
		}
		lines[key.Value] = key.Line
		layer = append(layer, given{key.Value, value.Value, origin})
	}
	return layer, nil
}

// configText is the configuration that init writes for a node. A window smaller
// than the profile's slots in flight would be refused at the start: it lowers
// them.
func configText(profile string, metricsPort, window int) []byte {
	text := fmt.Appendf(nil, `# Soft settings of this replica: they change its speed, never what it agrees on.
# A flag or a %s variable goes before this file, this file before the profile.
# All settings with their values, units and reasons: replica config --dir THIS
%s: %s
metrics_addr: '127.0.0.1:%d'
`, envPrefix, profileKey, profile, metricsPort)
	if p, err := tuning.Named(profile); err == nil && p.SlotsInFlightMax > window {
		text = fmt.Appendf(text, "slots_in_flight_max: %d\n", window)
	}
	return text
}

// environ is the environment that commands read settings from.
func environ() []string { return os.Environ() }
