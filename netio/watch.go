package netio

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// watcher tells a connection's loop when a full socket has room again. gnet
// writes the rest of a batch itself but tells nobody; the way not taken, to
// look again after a while, costs a millisecond per 128 KiB.
//
// It is an epoll of its own whose descriptor the Go runtime polls, so that its
// one goroutine holds no thread while it waits.
type watcher struct {
	file *os.File // owns the epoll descriptor
	fd   int
	done chan struct{}

	mu    sync.Mutex
	conns map[ConnID]*conn // armed
}

func newWatcher() (*watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // os.NewFile polls only such
	}
	if err != nil {
		return nil, fmt.Errorf("netio: watcher: %w", os.NewSyscallError("epoll", err))
	}
	w := &watcher{
		file:  os.NewFile(uintptr(fd), "watcher"),
		fd:    fd,
		done:  make(chan struct{}),
		conns: make(map[ConnID]*conn),
	}
	go w.run()
	return w, nil
}

// arm asks for one turn of c when its socket has room. On c's loop only.
func (w *watcher) arm(c *conn) {
	w.mu.Lock()
	w.conns[c.id] = c
	w.mu.Unlock()
	// The id, not the descriptor, is what comes back: descriptors are used again.
	ev := unix.EpollEvent{
		Events: unix.EPOLLOUT | unix.EPOLLONESHOT,
		Fd:     int32(uint32(c.id)),
		Pad:    int32(uint32(c.id >> 32)),
	}
	op := unix.EPOLL_CTL_MOD
	if !c.watched {
		op, c.watched = unix.EPOLL_CTL_ADD, true
	}
	if err := unix.EpollCtl(w.fd, op, c.fd, &ev); err != nil {
		// Out of kernel memory: without the watcher this connection would wait
		// for ever.
		c.fail(CauseStall)
	}
}

// forget is for a connection that is closing; closing its descriptor takes it
// out of the epoll. On c's loop only.
func (w *watcher) forget(c *conn) {
	w.mu.Lock()
	delete(w.conns, c.id)
	w.mu.Unlock()
	if c.watched {
		_ = unix.EpollCtl(w.fd, unix.EPOLL_CTL_DEL, c.fd, nil)
	}
}

func (w *watcher) run() {
	defer close(w.done)
	raw, err := w.file.SyscallConn()
	if err != nil {
		return
	}
	var events [64]unix.EpollEvent
	for {
		n := 0
		// Read parks this goroutine until the epoll has something to say.
		err := raw.Read(func(fd uintptr) bool {
			var e error
			n, e = unix.EpollWait(int(fd), events[:], 0)
			return n > 0 || (e != nil && !errors.Is(e, unix.EINTR))
		})
		if err != nil {
			return // closed
		}
		for i := range max(n, 0) {
			id := ConnID(uint32(events[i].Fd)) | ConnID(uint32(events[i].Pad))<<32
			w.mu.Lock()
			c := w.conns[id]
			delete(w.conns, id)
			w.mu.Unlock()
			if c != nil {
				c.poke()
			}
		}
	}
}

// close ends the goroutine. No connection may be armed any more.
func (w *watcher) close() {
	_ = w.file.Close()
	<-w.done
}
