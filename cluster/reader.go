package cluster

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// reader walks one strict YAML document: every key is known, stands once and
// is there; values are plain. The first fault sticks and each later read gives
// a zero value, so that a parser needs one check at its end.
//
// The yaml library's own strict mode is not used because its faults name Go
// types, know no next step, and lose the line of a value.
type reader struct {
	kind  error          // ErrGenesis or ErrKeyFile
	lines map[string]int // path of a key → its line, for faults that are found later
	fault *Fault
}

func (r *reader) fail(line int, key, problem, fix string) {
	if r.fault == nil {
		r.fault = &Fault{Kind: r.kind, Line: line, Key: key, Problem: problem, Fix: fix}
	}
}

// err is the first fault, as an error that is nil when there is none.
func (r *reader) err() error {
	if r.fault == nil {
		return nil
	}
	return r.fault
}

// place fills in the line of a fault that was found in the values by their
// paths: the line of the longest known prefix of its key.
func (r *reader) place(err error) error {
	var f *Fault
	if !errors.As(err, &f) {
		return err
	}
	f.Line = 1
	for key := f.Key; key != ""; {
		if line, ok := r.lines[key]; ok {
			f.Line = line
			break
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return f
}

var yamlLine = regexp.MustCompile(`line (\d+)`)

// document parses text of at most bytesMax bytes and gives its one top mapping.
func (r *reader) document(text []byte, bytesMax int) *yaml.Node {
	if len(text) > bytesMax {
		r.fail(1, "", fmt.Sprintf("%d bytes are over %d", len(text), bytesMax), "check that this is the right file")
		return nil
	}
	if line := unreadableLine(text); line > 0 {
		r.fail(line, "", "a byte that is not printable UTF-8", "save the file as plain UTF-8 text, or restore it from its copy")
		return nil
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	if err := dec.Decode(&doc); err != nil {
		r.failSyntax(err)
		return nil
	}
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		r.fail(max(more.Line, 1), "", "more than one YAML document", "leave one document in the file")
		return nil
	}
	return doc.Content[0]
}

func (r *reader) failSyntax(err error) {
	if errors.Is(err, io.EOF) {
		r.fail(1, "", "it is empty", "restore the file from its copy, or run: replica init")
		return
	}
	line := 1
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ = strconv.Atoi(m[1])
	}
	r.fail(line, "", "not YAML: "+strings.TrimPrefix(err.Error(), "yaml: "), "correct the syntax at this line or the next")
}

// unreadableLine gives the line of the first byte that no YAML text holds, or 0.
func unreadableLine(text []byte) int {
	line := 1
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case c == '\n':
			line++
		case c == utf8.RuneError && n == 1, c < ' ' && c != '\t' && c != '\r', c == 0x7f, c == 0xfeff:
			return line
		}
		text = text[n:]
	}
	return 0
}

// mapping is one YAML mapping whose keys are all known.
type mapping struct {
	r      *reader
	path   string
	line   int
	values map[string]*yaml.Node
}

// mapping reads node as a mapping with exactly these keys.
func (r *reader) mapping(node *yaml.Node, path string, keys ...string) mapping {
	m := mapping{r: r, path: path}
	if r.fault != nil {
		return m
	}
	m.line = node.Line
	if node.Kind != yaml.MappingNode {
		r.fail(node.Line, path, "a mapping with the keys "+strings.Join(keys, ", ")+" is wanted here", "write it as key: value lines")
		return m
	}
	r.lines[path] = node.Line
	m.values = make(map[string]*yaml.Node, len(keys))
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := m.join(key.Value)
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value):
			r.fail(key.Line, path, fmt.Sprintf("unknown key %q", key.Value), "remove it or correct its name; known here: "+strings.Join(keys, ", "))
			return m
		case m.values[key.Value] != nil:
			r.fail(key.Line, name, fmt.Sprintf("the key stands twice, first in line %d", r.lines[name]), "remove one of the two")
			return m
		}
		m.values[key.Value] = value
		r.lines[name] = key.Line
	}
	for _, key := range keys {
		if m.values[key] == nil {
			r.fail(node.Line, m.join(key), "the key is missing", "add it, or write the file anew with: replica init")
		}
	}
	return m
}

// hasKey reports whether a mapping has a key.
func hasKey(node *yaml.Node, key string) bool {
	if node == nil || node.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return true
		}
	}
	return false
}

func (m mapping) join(key string) string {
	if m.path == "" {
		return key
	}
	return m.path + "." + key
}

func (m mapping) fail(key, problem, fix string) {
	name := m.join(key)
	line, ok := m.r.lines[name]
	if !ok {
		line = m.line
	}
	m.r.fail(line, name, problem, fix)
}

// text reads a scalar as it is written, without its quotes.
func (m mapping) text(key string) string {
	node := m.values[key]
	if m.r.fault != nil {
		return ""
	}
	if node.Kind != yaml.ScalarNode {
		m.fail(key, "a single value is wanted here", "write one value behind the colon, without lists, anchors or aliases")
		return ""
	}
	return node.Value
}

// number reads an unsigned decimal of at most limit.
func (m mapping) number(key string, limit uint64) uint64 {
	text := m.text(key)
	if m.r.fault != nil {
		return 0
	}
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v > limit || strconv.FormatUint(v, 10) != text {
		m.fail(key, fmt.Sprintf("%s is not a whole number from 0 to %d", quoted(text), limit), "write it in plain decimal digits")
		return 0
	}
	return v
}

// hex fills dst from exactly 2·len(dst) hexadecimal digits.
func (m mapping) hex(key string, dst []byte) {
	text := m.text(key)
	if m.r.fault != nil {
		return
	}
	if len(text) != 2*len(dst) {
		m.fail(key, fmt.Sprintf("%d characters, want %d hexadecimal digits for %d bytes", len(text), 2*len(dst), len(dst)),
			"copy the value again from the file that replica init wrote")
		return
	}
	if _, err := hex.Decode(dst, []byte(text)); err != nil {
		m.fail(key, "not hexadecimal", "copy the value again from the file that replica init wrote; only 0-9 and a-f stand in it")
	}
}

// list gives the elements of a sequence of at most limit elements.
func (m mapping) list(key string, limit int) []*yaml.Node {
	node := m.values[key]
	if m.r.fault != nil {
		return nil
	}
	if node.Kind != yaml.SequenceNode {
		m.fail(key, "a list is wanted here", "write one line with a dash for each element")
		return nil
	}
	if len(node.Content) > limit {
		m.fail(key, fmt.Sprintf("%d elements are over %d", len(node.Content), limit), "leave the excess out")
		return nil
	}
	return node.Content
}

// quoted shows at most 32 bytes of a value in a message.
func quoted(s string) string {
	if len(s) > 32 {
		return strconv.Quote(s[:32]) + "…"
	}
	return strconv.Quote(s)
}
