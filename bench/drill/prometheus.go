package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"quorate/bench/procs"
)

// prometheus is a server of this drill and its HTTP interface.
type prometheus struct {
	process *procs.Process
	url     string
	client  http.Client
}

// bodyMax bounds an answer of Prometheus.
const bodyMax = 64 << 20

// start starts a server on loopback and waits until it answers.
func (p *prometheus) start(server, config, dir string, port int) error {
	addr := "127.0.0.1:" + strconv.Itoa(port)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	p.url, p.client = "http://"+addr, http.Client{Timeout: 30 * time.Second}
	p.process, err = procs.Spawn(log, nil, server, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+addr, "--log.level=warn")
	if err != nil {
		return err
	}
	return procs.Eventually(readyMax, "prometheus", func() error {
		_, err := p.query("vector(1)")
		return err
	})
}

func (p *prometheus) stop() {
	if p.process != nil {
		p.process.Kill()
	}
}

// get asks and decodes the data of an answer.
func (p *prometheus) get(path string, data any) error {
	resp, err := p.client.Get(p.url + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, bodyMax))
	if err != nil {
		return err
	}
	answer := struct {
		Status, Error string
		Data          any
	}{Data: data}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("prometheus: %s: %s", resp.Status, brief(string(text), 200))
	}
	if answer.Status != "success" {
		return errors.New("prometheus: " + answer.Error)
	}
	return nil
}

// query evaluates an expression now and gives the value of each series.
func (p *prometheus) query(expr string) (values []string, err error) {
	var data struct {
		ResultType string
		Result     json.RawMessage
	}
	if err := p.get("/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	if data.ResultType != "vector" {
		return nil, fmt.Errorf("%s is a %s and no vector", expr, data.ResultType)
	}
	var series []struct{ Value [2]any }
	if err := json.Unmarshal(data.Result, &series); err != nil {
		return nil, err
	}
	for _, s := range series {
		values = append(values, fmt.Sprint(s.Value[1]))
	}
	return values, nil
}

// firing names the alerts that fire, each with the number of its series.
func (p *prometheus) firing() (map[string]int, error) {
	var data struct {
		Alerts []struct {
			State  string
			Labels map[string]string
		}
	}
	if err := p.get("/api/v1/alerts", &data); err != nil {
		return nil, err
	}
	out := map[string]int{}
	for _, a := range data.Alerts {
		if a.State == "firing" {
			out[a.Labels["alertname"]]++
		}
	}
	return out, nil
}
