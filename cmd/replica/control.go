package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// The control socket is how commands on this host reach a running replica: HTTP
// over a Unix socket beside its data. Who may open it is what the modes of the
// directory (0700) and of the socket (0600) say: the replica's own user and root.
const controlSocket = "control.sock"

// controlBodyBytesMax bounds a body on the control socket, both ways.
const controlBodyBytesMax = 4096

// controlMax is how long a command waits for a replica on this host.
const controlMax = 10 * time.Second

// openDirPath gives a short path of a directory: a socket's path may have 107
// bytes, fewer than a directory's. It is good until the file is closed.
func openDirPath(dir string) (*os.File, string, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, "", err
	}
	return d, fmt.Sprintf("/proc/self/fd/%d", d.Fd()), nil
}

// serveControl opens the control socket. The lock of the data directory is held,
// so a socket that is there is of a process that died.
func (run *running) serveControl() (stop func(), err error) {
	d, short, err := openDirPath(run.node.dataDir)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	path := filepath.Join(short, controlSocket)
	l, err := listenOwner(path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("control socket in %s: %w; the file system must allow sockets", run.node.dataDir, err), d.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /log/level", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, run.lines.Levels()) })
	mux.HandleFunc("PUT /log/level", run.putLevel)
	srv := &http.Server{Handler: mux, ReadTimeout: controlMax, WriteTimeout: controlMax, IdleTimeout: controlMax, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(run.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			run.log.Error("control socket ended", "error", err)
		}
	}()
	return func() {
		_ = srv.Close()
		_ = os.Remove(path)
		_ = d.Close()
	}, nil
}

// listenOwner listens on a socket that its owner alone may open.
func listenOwner(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // stop removes it while its directory is open
	if err := os.Chmod(path, secretMode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// putLevel changes the levels and answers with what they are now.
func (run *running) putLevel(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, controlBodyBytesMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	before := run.lines.Levels().String()
	if err := run.lines.Levels().Set(strings.TrimSpace(string(text))); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	after := run.lines.Levels().String()
	run.log.Warn("log levels changed", "before", before, "after", after)
	fmt.Fprintln(w, after)
}

// askControl sends one request to the replica that runs in a node's directory.
func askControl(ctx context.Context, dir, method, path, body string) (string, error) {
	d, short, err := openDirPath(filepath.Join(dir, dataDir))
	if errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("%w; --dir names a node's directory whose replica was started once", err)
	}
	if err != nil {
		return "", err
	}
	defer d.Close()
	socket := filepath.Join(short, controlSocket)
	web := http.Client{Timeout: controlMax, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}}}
	req, err := http.NewRequestWithContext(ctx, method, "http://replica"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	res, err := web.Do(req)
	if err != nil {
		for inner := err; inner != nil; inner = errors.Unwrap(inner) {
			err = inner // the outer ones name a made-up address
		}
		return "", fmt.Errorf("no replica answers in %s: %w; start it, or run this as the user it runs as", dir, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, controlBodyBytesMax))
	if err != nil {
		return "", fmt.Errorf("the replica in %s: %w", dir, err)
	}
	answer := strings.TrimSpace(string(text))
	if res.StatusCode != http.StatusOK {
		return "", errors.New(answer)
	}
	return answer, nil
}

func newLog() *cobra.Command {
	cmd := &cobra.Command{Use: "log", Short: "Look after the log of a running replica", Args: cobra.NoArgs}
	var dir string
	level := &cobra.Command{
		Use:   "level --dir NODE [LEVELS]",
		Short: "Show or change the log levels of a running replica",
		Long: `Show or change the log levels of a running replica, on this host and as its user.

LEVELS is debug, info, warn or error for all rooms, or room=level for one, or
several divided by commas: info,netio=debug. Rooms are replica, pipeline and netio.
It lasts until the replica stops; --log-level of replica start is for longer.`,
		Args: cobra.MaximumNArgs(1),
	}
	level.Flags().StringVar(&dir, "dir", "", "directory of the node")
	_ = level.MarkFlagRequired("dir")
	level.RunE = func(cmd *cobra.Command, args []string) error {
		method, body := http.MethodGet, ""
		if len(args) > 0 {
			// Refused here already, with the exit code of a wrong command line.
			if err := logLevels().Set(args[0]); err != nil {
				return fail(exitUsage, err)
			}
			method, body = http.MethodPut, args[0]
		}
		answer, err := askControl(cmd.Context(), dir, method, "/log/level", body)
		if err != nil {
			return fail(exitFailure, err)
		}
		fmt.Fprintln(cmd.OutOrStdout(), answer)
		return nil
	}
	cmd.AddCommand(level)
	return cmd
}
