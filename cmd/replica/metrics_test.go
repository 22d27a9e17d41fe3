package main

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"
)

// Aim: whoever opens connections to the metrics listener takes no descriptor
// beyond its bound, and closing one makes room. Method: a server that answers
// nothing, and one connection more than the bound.
func TestPageConnsAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	srv := &http.Server{Handler: http.NotFoundHandler(), ConnState: boundConns(&open), ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	defer srv.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	var conns []net.Conn
	for range pageConnsMax {
		conns = append(conns, dial())
	}
	over := dial()
	_ = over.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := over.Read(make([]byte, 1)); err != io.EOF {
		if e, ok := err.(net.Error); !ok || e.Timeout() {
			t.Fatalf("one more connection: %v", err)
		}
	}
	_ = conns[0].Close()
	for deadline := time.Now().Add(20 * time.Second); open.Load() >= pageConnsMax; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open", open.Load())
		}
	}
	res, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Fatalf("room again: %s", res.Status)
	}
}
