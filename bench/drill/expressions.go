package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expression is one query of deploy/ and where it stands.
type expression struct {
	where, expr string
	when        string // the filter that was taken off, if any
}

// rule is one entry of a rule file.
type rule struct {
	Record, Alert, Expr string
}

func readRules(deploy, name string) (rules []rule, err error) {
	text, err := os.ReadFile(filepath.Join(deploy, "prometheus", name))
	if err != nil {
		return nil, err
	}
	var file struct{ Groups []struct{ Rules []rule } }
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for _, g := range file.Groups {
		rules = append(rules, g.Rules...)
	}
	return rules, nil
}

// aboveZero is how a panel leaves out series that have nothing to show.
const aboveZero = " > 0"

// selector finds the series that an expression reads.
var selector = regexp.MustCompile(`\b(?:quorate[a-z0-9_]*(?::[a-z0-9_:]+)?|process_[a-z_]+|go_[a-z_]+|up)\b(?:\{[^}]*\})?`)

var grouping = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`)

// expressions lists what has to have data in a cluster without a fault. A panel
// that shows only what is above zero is evaluated without that filter: its series
// must be there and be 0. An alert's expression has no result as long as all is
// well, so each series that it reads is asked for.
func expressions(deploy string) (all []expression, err error) {
	files, err := filepath.Glob(filepath.Join(deploy, "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no dashboards in %s: %v", deploy, err)
	}
	slices.Sort(files)
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var board struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		if err := json.Unmarshal(text, &board); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		short := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(name), "quorate-"), ".json")
		for _, p := range board.Panels {
			for _, t := range p.Targets {
				e := expression{where: short + ": " + p.Title, expr: t.Expr}
				if bare, cut := strings.CutSuffix(t.Expr, aboveZero); cut {
					e.expr, e.when = bare, "shown above 0"
				}
				all = append(all, e)
			}
		}
	}
	recorded, err := readRules(deploy, "rules.yml")
	if err != nil {
		return nil, err
	}
	for _, r := range recorded {
		all = append(all, expression{where: "rule " + r.Record, expr: r.Expr}, expression{where: "rule " + r.Record, expr: r.Record})
	}
	alerts, err := readRules(deploy, "alerts.yml")
	if err != nil {
		return nil, err
	}
	for _, r := range alerts {
		all = append(all, expression{where: "alert " + r.Alert, expr: r.Expr, when: "empty while all is well"})
		for _, s := range selectors(r.Expr) {
			all = append(all, expression{where: "alert " + r.Alert, expr: s})
		}
	}
	return all, nil
}

// selectors lists the series that an expression reads, each once.
func selectors(expr string) []string {
	found := selector.FindAllString(grouping.ReplaceAllString(expr, " "), -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// dashboards evaluates every expression and tells what each gives.
func (b *bed) dashboards(deploy string) error {
	all, err := expressions(deploy)
	if err != nil {
		return err
	}
	var bad []error
	for _, e := range all {
		values, err := b.prometheus.query(e.expr)
		empty := len(values) == 0 && !(strings.HasPrefix(e.where, "alert ") && e.when != "")
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("%s: %s: %w", e.where, e.expr, err))
		case empty:
			bad = append(bad, fmt.Errorf("%s: no data for %s", e.where, e.expr))
		}
		shown := strings.Join(values[:min(len(values), 4)], " ")
		if e.when != "" {
			shown += " (" + e.when + ")"
		}
		fmt.Printf("%-44s %3d  %-52s %s\n", brief(e.where, 44), len(values), brief(shown, 52), brief(e.expr, 110))
	}
	fmt.Printf("drill: %d expressions evaluated, %d failed\n", len(all), len(bad))
	return errors.Join(bad...)
}
