package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"quorate/wire"
)

// Aim: a full disk at one replica (DSK-05) costs that replica and nothing else,
// says so, corrupts nothing, and ends when there is room again.
// Method: the node's data directory is a file system of its own in memory,
// filled by a file next to the journal. Needs root; skipped otherwise.

const smallDiskBytes = 96 << 20

// smallDisk puts replica i's data on a small file system, before its first
// start.
func (d *deployment) smallDisk(i int) (data string) {
	d.t.Helper()
	data = filepath.Join(d.node(i), "data")
	if err := syscall.Mount("none", data, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", smallDiskBytes)); err != nil {
		d.t.Skipf("a small file system cannot be mounted here (%v): this test needs root", err)
	}
	d.t.Cleanup(func() {
		// Registered before the process is started, so it runs after its end.
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			d.t.Errorf("unmount: %v", err)
		}
	})
	// What init put there is hidden now; the journal's files must be small.
	if err := os.WriteFile(filepath.Join(data, "never-started"), nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.configure(i, "journal_segment_bytes: 8388608", "mem_table_bytes: 4194304")
	return data
}

// configure appends lines to replica i's configuration.
func (d *deployment) configure(i int, lines ...string) {
	d.t.Helper()
	f, err := os.OpenFile(filepath.Join(d.node(i), "config.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for _, line := range lines {
		if _, err := fmt.Fprintln(f, line); err != nil {
			d.t.Fatal(err)
		}
	}
}

// fill writes until so many bytes are left, or none, and gives the file's name.
func fill(t *testing.T, data string, left uint64) string {
	t.Helper()
	ballast := filepath.Join(data, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 64<<10)
	for {
		var fs syscall.Statfs_t
		if err := syscall.Statfs(data, &fs); err != nil {
			t.Fatal(err)
		}
		if free := fs.Bavail * uint64(fs.Bsize); free <= left {
			return ballast
		}
		if _, err := f.Write(block); err != nil {
			return ballast // full
		}
	}
}

// TestDiskLow: below the watermark a replica refuses payments, above it takes
// them again without a restart.
func TestDiskLow(t *testing.T) {
	d := deploy(t)
	data := d.smallDisk(3)
	d.startAll()
	d.openAccounts()
	ballast := fill(t, data, smallDiskBytes/40)
	eventually(t, settleMax, "disk low", func() error {
		return errOf(d.metric(3, "quorate_disk_low") == 1, "not yet")
	})
	conn := d.member(3, d.keys("load-05"))
	q := request(d.keys("load-05"), d.genesis.Hash(), 1, wire.OpCreateTransfers, transferBody(900, 5)).Append(nil)
	conn.send(wire.KindRequest, q)
	conn.rejected(wire.RejectDiskLow)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	eventually(t, settleMax, "disk well", func() error {
		return errOf(d.metric(3, "quorate_disk_low") == 0, "not yet")
	})
	conn.send(wire.KindRequest, q)
	conn.reply()
	d.agree(0, 1, 2, 3)
}

// TestDiskFull: with no byte left the replica may stop, with a message and a
// failing exit code; the others go on, and it catches up once there is room.
func TestDiskFull(t *testing.T) {
	long(t)
	d := deploy(t)
	data := d.smallDisk(3)
	d.startAll()
	l := d.load(8, "--expect-replicas", "3")
	d.flowing(0)
	ballast := fill(t, data, 0)
	l.passes(3)
	if p := d.nodes[3]; p.alive() {
		t.Log("replica 3 lives with a full disk")
	} else {
		if code := p.wait(t, time.Second); code != exitFailure {
			t.Errorf("replica 3 ended with %d, want %d", code, exitFailure)
		}
		if !d.logged(3, "no space left on device") && !d.logged(3, "disk is low") {
			t.Error("replica 3 does not say why it stopped")
		}
		// Without room it must refuse to start, or wait, not break anything.
		d.start(3)
		time.Sleep(2 * time.Second)
		t.Logf("started again on the full disk: alive %v", d.nodes[3].alive())
		d.nodes[3].kill()
	}
	d.agree(0, 1, 2)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if !d.nodes[3].alive() {
		d.start(3)
	}
	d.agree(0, 1, 2, 3)
	d.ready(4)
	d.load(2).passes(4)
}
