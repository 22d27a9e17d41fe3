// Command grafana writes the dashboards of this folder: tables of panels become
// the JSON that Grafana reads. Run `go run ./deploy/grafana` in the root of the
// repository after a change of the tables (boards.go).
//
//	G1  the files in dashboards/ are what the tables give (TestWritten)
//	G2  each expression finds a series of a running replica (cmd/replica, TestDeployUsesRealMetrics)
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// datasource is the uid in provisioning/datasources.
const datasource = "quorate-prometheus"

// Sizes in Grafana's grid, which is 24 columns wide.
const (
	panelWidth   = 12
	panelHeight  = 8
	panelsPerRow = 24 / panelWidth
)

// board is one dashboard.
type board struct {
	uid, title string
	panels     []panel
}

// panel is one graph over time.
type panel struct {
	title  string
	unit   string // Grafana's name: ops, s, Bps, short, percentunit, …
	says   string // what to see in it
	series []line
}

// line is one expression and the legend of its series.
type line struct{ expr, legend string }

func main() {
	for _, b := range boards {
		name := filepath.Join("deploy", "grafana", "dashboards", b.uid+".json")
		if err := os.WriteFile(name, b.render(), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// object is a JSON object; its keys are written in order of the alphabet.
type object map[string]any

func (b board) render() []byte {
	panels := make([]object, len(b.panels))
	for i, p := range b.panels {
		panels[i] = p.render(i)
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(object{
		"uid": b.uid, "title": b.title, "tags": []string{"quorate"}, "editable": false,
		"schemaVersion": 39, "refresh": "10s", "timezone": "utc",
		"time": object{"from": "now-1h", "to": "now"}, "panels": panels,
	})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return text.Bytes()
}

func (p panel) render(i int) object {
	source := object{"type": "prometheus", "uid": datasource}
	targets := make([]object, len(p.series))
	for k, l := range p.series {
		targets[k] = object{"refId": string(rune('A' + k)), "datasource": source, "expr": l.expr, "legendFormat": l.legend}
	}
	return object{
		"id": i + 1, "type": "timeseries", "title": p.title, "description": p.says, "datasource": source, "targets": targets,
		"gridPos": object{"w": panelWidth, "h": panelHeight,
			"x": i % panelsPerRow * panelWidth, "y": i / panelsPerRow * panelHeight},
		"fieldConfig": object{"defaults": object{"unit": p.unit}, "overrides": []object{}},
	}
}
