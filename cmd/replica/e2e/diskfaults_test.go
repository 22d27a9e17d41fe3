package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Aim: disk faults under real processes. What four replicas leave behind after
// kill -9 and after SIGTERM is what package sim/disks damages file by file; a
// sample of damages, and errors of the disk itself, are tried here on real
// processes too. DSK-02 to DSK-04.
// Method: directories are copied and damaged between starts; errors are injected
// into system calls by strace.

var (
	bedsFlag   = flag.String("e2e.beds", "", "TestMakeBeds leaves the directories of replicas here, for sim/disks")
	faultsFlag = flag.Bool("e2e.diskfaults", false, "run the disk faults of `make diskfaults`")
)

// diskFaults skips what takes minutes unless it was asked for.
func diskFaults(t *testing.T) {
	t.Helper()
	if !*faultsFlag {
		t.Skip("part of make diskfaults")
	}
}

// copyTree copies a directory. One that a running replica writes to is copied as
// a backup tool would do it: file by file, while it changes.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-a", "--sparse=always", from, to).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v: %s", err, out)
	}
}

// TestMakeBeds runs load on four replicas, stops them and keeps their
// directories, with a copy of their data from the middle of the run.
func TestMakeBeds(t *testing.T) {
	if *bedsFlag == "" {
		t.Skip("part of make diskfaults")
	}
	for _, clean := range []bool{true, false} {
		name := map[bool]string{true: "sigterm", false: "kill9"}[clean]
		d := deploy(t, "--window", "16")
		for i := range d.nodes {
			d.configure(i, "journal_segment_bytes: 8388608")
		}
		d.startAll()
		d.load(2).passes(4)
		bed := filepath.Join(*bedsFlag, name)
		if err := os.MkdirAll(filepath.Join(bed, "then"), 0o700); err != nil {
			t.Fatal(err)
		}
		d.end(t, clean)
		for i := range d.nodes {
			at := filepath.Join(bed, "then", "node-"+strconv.Itoa(i))
			if err := os.MkdirAll(at, 0o700); err != nil {
				t.Fatal(err)
			}
			copyTree(t, filepath.Join(d.node(i), "data"), filepath.Join(at, "data"))
		}
		d.startAll()
		d.load(2).passes(4)
		d.agree(0, 1, 2, 3)
		d.end(t, clean)
		for i := range d.nodes {
			copyTree(t, d.node(i), filepath.Join(bed, "node-"+strconv.Itoa(i)))
		}
		copyTree(t, filepath.Join(d.dir, "clients"), filepath.Join(bed, "clients"))
	}
}

// end stops every replica.
func (d *deployment) end(t *testing.T, clean bool) {
	t.Helper()
	for i, p := range d.nodes {
		if !clean {
			p.kill()
		} else if code := d.stop(i); code != exitOK {
			t.Fatalf("replica %d ended with %d", i, code)
		}
	}
}

// TestRolledBackReplica: the whole data directory of a replica is put back to a
// backup from before more was agreed. It must say so and not vote.
func TestRolledBackReplica(t *testing.T) {
	diskFaults(t)
	d := running(t, "--window", "16")
	d.load(2).passes(4)
	d.nodes[3].kill()
	data, backup := filepath.Join(d.node(3), "data"), filepath.Join(t.TempDir(), "data")
	copyTree(t, data, backup)
	d.start(3)
	d.ready(4)
	d.load(3).passes(4)
	d.nodes[3].kill()
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	copyTree(t, backup, data)
	d.start(3)
	eventually(t, readyMax, "amnesia", func() error {
		s, err := d.status(3)
		return errOf(err == nil && s.Amnesia, "%+v, %v", s, err)
	})
	if !d.logged(3, "amnesia", "old image", "ERROR") {
		t.Error("it does not say so in its log")
	}
	d.load(3).passes(4)
	d.agree(0, 1, 2, 3)
	eventually(t, settleMax, "it votes again", func() error {
		s, err := d.status(3)
		return errOf(err == nil && !s.Amnesia, "%+v, %v", s, err)
	})
	fmt.Println("processes: 1 faults, repaired 0, detected 1, harmless 0, silent 0")
}

// TestDamagedProcess: a bit of each kind of file flips under a stopped replica.
// It refuses to start with exit code 1 and a reason, or runs to the same digest
// and verifies.
func TestDamagedProcess(t *testing.T) {
	diskFaults(t)
	d := running(t, "--window", "16")
	d.load(2).passes(4)
	d.nodes[3].kill()
	backup := filepath.Join(t.TempDir(), "data")
	data := filepath.Join(d.node(3), "data")
	copyTree(t, data, backup)
	ends := map[string]int{}
	for _, pattern := range []string{"ledger/*.sst", "ledger/MANIFEST-*", "journal/segment-0000", "journal/superblock"} {
		paths, err := filepath.Glob(filepath.Join(data, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		path := paths[len(paths)-1]
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text[min(len(text)/2, 5000)] ^= 1
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		ends[d.judgeProcess(3)]++
		if d.nodes[3].alive() {
			d.nodes[3].kill()
		}
		if err := os.RemoveAll(data); err != nil {
			t.Fatal(err)
		}
		copyTree(t, backup, data)
	}
	fmt.Printf("processes: 4 faults, repaired 0, detected %d, harmless %d, silent 0\n", ends["detected"], ends["harmless"])
}

// judgeProcess starts replica i and says how it ended; a silent end fails the
// test.
func (d *deployment) judgeProcess(i int) string {
	t := d.t
	t.Helper()
	d.start(i)
	end := ""
	eventually(t, readyMax, "an end", func() error {
		if !d.nodes[i].alive() {
			if code := d.nodes[i].wait(t, time.Second); code != exitFailure {
				t.Fatalf("replica %d ended with %d", i, code)
			}
			end = "detected"
			return nil
		}
		s, err := d.status(i)
		if err != nil {
			return err
		}
		for o := range d.nodes {
			if o == i {
				continue
			}
			other, err := d.status(o)
			if err != nil || other.Executed != s.Executed || other.Execute != s.Execute {
				return fmt.Errorf("%+v, %+v, %v", s, other, err)
			}
		}
		end = "harmless"
		if s.Amnesia {
			end = "detected"
		}
		return nil
	})
	if end == "detected" && !d.logged(i, "amnesia") && !d.logged(i, "corrupt") {
		if out, err := os.ReadFile(filepath.Join(d.node(i), "log.jsonl")); err != nil || !strings.Contains(string(out), "corrupt") {
			t.Errorf("replica %d does not say why it stopped: %s", i, tail(out))
		}
	}
	return end
}

// strace finds strace, or installs it where that is a matter of root and apt.
func strace(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		return path
	}
	if os.Geteuid() == 0 {
		if apt, err := exec.LookPath("apt-get"); err == nil {
			_ = exec.Command(apt, "install", "-y", "-q", "strace").Run()
		}
	}
	if path, err = exec.LookPath("strace"); err != nil {
		t.Skip("errors of the disk need strace, which is not here and cannot be installed")
	}
	return path
}

// TestDiskErrors: the disk of a running replica gives EIO or ENOSPC. It stops with
// exit code 1 and says why, or lives; the others go on; after a restart on a
// healthy disk it has the same history.
func TestDiskErrors(t *testing.T) {
	diskFaults(t)
	path := strace(t)
	if out, err := exec.Command(path, "-f", "-e", "inject=fdatasync:error=EIO:when=1", "true").CombinedOutput(); err != nil {
		t.Skipf("strace may not trace here: %v: %s", err, out)
	}
	d := running(t, "--window", "16")
	detected, harmless := 0, 0
	for _, inject := range []string{"fdatasync:error=EIO:when=5", "fsync:error=EIO:when=2", "pwrite64:error=EIO:when=9", "pwrite64:error=ENOSPC:when=9"} {
		l := d.load(6, "--expect-replicas", "3")
		d.flowing(0)
		call, _, _ := strings.Cut(inject, ":")
		tracer := exec.Command(path, "-f", "-qq", "-o", "/dev/null", "-e", "trace="+call, "-e", "inject="+inject, "-p", strconv.Itoa(d.nodes[3].Pid()))
		tracer.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := tracer.Start(); err != nil {
			t.Fatal(err)
		}
		l.passes(3)
		_ = tracer.Process.Signal(syscall.SIGINT)
		_ = tracer.Wait()
		if d.nodes[3].alive() {
			harmless++
		} else {
			detected++
			if code := d.nodes[3].wait(t, time.Second); code != exitFailure && code != 2 {
				t.Errorf("%s: replica 3 ended with %d", inject, code)
			}
			if !d.logged(3, "input/output error") && !d.logged(3, "no space left") && !d.logged(3, "disk is low") {
				t.Errorf("%s: replica 3 does not say why it stopped", inject)
			}
			d.start(3)
		}
		d.ready(4)
		d.agree(0, 1, 2, 3)
	}
	fmt.Printf("processes: %d faults, repaired 0, detected %d, harmless %d, silent 0\n", detected+harmless, detected, harmless)
}
