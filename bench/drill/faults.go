package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"quorate/bench/procs"
)

// Whom the faults hit. In view 0 replica 0 is primary; views move on in the drill,
// so what must hit a backup asks first.
const (
	victim    = 3 // is killed, restarted, cut off, and loses its journal
	smallDisk = 2 // has a small file system of its own
)

// faults lists what is staged, in an order in which one leaves the cluster as the
// next wants it.
func (b *bed) faults() []fault {
	return []fault{
		{name: "a replica is killed, and the fast path with it", alerts: []string{"QuorateReplicaDown", "QuorateSlowPath"},
			stage: b.kill(victim), heal: b.restart(victim)},
		{name: "a supervisor starts a replica again and again", alerts: []string{"QuorateReplicaRestarts"},
			stage: b.restarts, heal: nothing},
		{name: "a replica comes back with next to no CPU", alerts: []string{"QuorateReplicaBehind"},
			stage: b.fallBehind, keep: b.starve, heal: b.wakeVictim},
		{name: "two of four replicas are gone", alerts: []string{"QuorateNoActiveView", "QuorateNoProgress"},
			stage: both(b.kill(1), b.kill(2)), heal: both(b.restart(1), b.restart(2))},
		{name: "one primary after the other stands still", alerts: []string{"QuorateViewChurn"},
			stage: nothing, keep: b.pausePrimaries, heal: b.wake},
		{name: "a replica's port for replicas is cut off", alerts: []string{"QuoratePeerLink"},
			needs: needsRoot("nft"), stage: b.cutOff, heal: b.joinAgain},
		{name: "every sync of a disk takes 100 ms", alerts: []string{"QuorateSlowSync"},
			needs: needsRoot("strace"), stage: b.slowSyncs, heal: b.fastSyncs},
		{name: "a small disk is nearly full", alerts: []string{"QuorateDiskLow"},
			needs: needsRoot("mount"), stage: b.fillDisk, heal: b.clearDisk},
		{name: "clients ask for more than their share", alerts: []string{"QuorateBacklog"},
			stage: func() error { return b.startLoad(floodRate) }, heal: func() error { return b.startLoad(baseRate) }},
		{name: "a replica loses its vote journal while nothing happens", alerts: []string{"QuorateAmnesia"},
			stage: b.loseJournal, heal: func() error { return b.startLoad(baseRate) }},
		{name: "a primary is taken over and lies", alerts: []string{"QuorateEvidence", "QuorateReplicaBanned"},
			stage: b.takeOver, heal: b.giveBack},
	}
}

func nothing() error { return nil }

func both(first, second func() error) func() error {
	return func() error { return errors.Join(first(), second()) }
}

// needsRoot says whether this is root and has a tool.
func needsRoot(tool string) func() error {
	return func() error {
		if os.Geteuid() != 0 {
			return errors.New("needs root")
		}
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("needs %s (bench/drill/install.sh)", tool)
		}
		return nil
	}
}

func (b *bed) kill(i int) func() error {
	return func() error { b.Nodes[i].Kill(); return nil }
}

func (b *bed) restart(i int) func() error { return func() error { return b.Start(i) } }

// restarts starts the victim four times, each time as soon as it answers.
func (b *bed) restarts() error {
	for range 4 {
		b.Nodes[victim].Kill()
		if err := b.Start(victim); err != nil {
			return err
		}
		if err := procs.Eventually(readyMax, "the victim answers", func() error { _, err := b.Status(victim); return err }); err != nil {
			return err
		}
		time.Sleep(2 * time.Second) // each start has to be seen by a scrape
	}
	return nil
}

// behindSlots is by how much the others are ahead before the victim may start: more
// than the alert's thousand, and more than they execute in 15 s.
const behindSlots = 1800

// fallBehind keeps the victim down until the others are far ahead.
func (b *bed) fallBehind() error {
	b.Nodes[victim].Kill()
	from, err := b.Status(0)
	if err != nil {
		return err
	}
	if err := b.startLoad(4 * baseRate); err != nil {
		return err
	}
	err = procs.Eventually(2*time.Minute, "the others are ahead", func() error {
		at, err := b.Status(0)
		if err == nil && at.Executed < from.Executed+behindSlots {
			err = fmt.Errorf("%d of %d slots", at.Executed-from.Executed, behindSlots)
		}
		return err
	})
	if err != nil {
		return err
	}
	return errors.Join(b.startLoad(baseRate), b.Start(victim))
}

// starve lets the victim run one twentieth of the time, in pieces that leave a
// scrape its turn.
func (b *bed) starve(done chan struct{}) {
	p := b.Nodes[victim]
	for {
		p.Signal(syscall.SIGCONT)
		time.Sleep(20 * time.Millisecond)
		select {
		case <-done:
			return
		default:
		}
		p.Signal(syscall.SIGSTOP)
		time.Sleep(380 * time.Millisecond)
	}
}

// wake lets everyone run.
func (b *bed) wake() error {
	for _, p := range b.Nodes {
		p.Signal(syscall.SIGCONT)
	}
	return nil
}

// wakeVictim is wake, also where the victim could not be started.
func (b *bed) wakeVictim() error {
	return errors.Join(b.wake(), b.StartAll())
}

// pausePrimaries pauses each primary until the others have the next.
func (b *bed) pausePrimaries(done chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		at, err := b.Status(0)
		if err != nil {
			if at, err = b.Status(1); err != nil {
				time.Sleep(50 * time.Millisecond)
				continue
			}
		}
		primary := int(at.Primary)
		b.Nodes[primary].Signal(syscall.SIGSTOP)
		other := (primary + 1) % len(b.Nodes)
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
			if now, err := b.Status(other); err == nil && now.View > at.View && now.Active {
				break
			}
		}
		b.Nodes[primary].Signal(syscall.SIGCONT)
		time.Sleep(300 * time.Millisecond) // it has to learn of the view before the next stands still
	}
}

// nftTable is the drill's own table of packet rules.
const nftTable = "quorate_drill"

// cutOff drops what goes to the victim's port for replicas. What it dials itself
// stands, so all are up and one way is gone.
func (b *bed) cutOff() error {
	_, port, err := splitPort(b.Genesis.Members[victim].PeerAddr)
	if err != nil {
		return err
	}
	_, _ = procs.Run(runMax, "nft", "delete", "table", "inet", nftTable) // of a drill that was killed
	rules := fmt.Sprintf("table inet %s { chain in { type filter hook input priority 0; iif lo tcp dport %d drop; }; }", nftTable, port)
	_, err = procs.Run(runMax, "nft", rules)
	return err
}

func (b *bed) joinAgain() error {
	_, err := procs.Run(runMax, "nft", "delete", "table", "inet", nftTable)
	return err
}

// slowSyncs makes the kernel hold up each sync of a backup for 100 ms.
func (b *bed) slowSyncs() error {
	at, err := b.Status(0)
	if err != nil {
		return err
	}
	slow := (int(at.Primary) + 1) % len(b.Nodes)
	log, err := os.Create(filepath.Join(b.dir, "strace.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	b.tracer, err = procs.Spawn(log, nil, "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync,fsync",
		"-e", "inject=fdatasync,fsync:delay_enter=100000", "-p", strconv.Itoa(b.Nodes[slow].Pid()))
	return err
}

func (b *bed) fastSyncs() error {
	if b.tracer == nil {
		return nil
	}
	b.tracer.Signal(syscall.SIGINT) // it lets go of what it traces; killed, it might not
	_, err := b.tracer.Wait(runMax)
	b.tracer = nil
	if err != nil {
		return fmt.Errorf("strace: %w", err)
	}
	return nil
}

// diskBytes is the small file system: 50 MiB of it left are too little.
const (
	diskBytes = 1 << 30
	diskLeft  = 30 << 20
)

// mountDisk gives a replica a file system in memory for its data, before it is
// started for the first time.
func (b *bed) mountDisk() error {
	if needsRoot("mount")() != nil {
		return nil
	}
	data := filepath.Join(b.Node(smallDisk), "data")
	// What init left there comes along: without it the replica would take its disk
	// for a wiped one.
	aside := data + ".init"
	if err := os.Rename(data, aside); err != nil {
		return err
	}
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", data, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskBytes)); err != nil {
		return fmt.Errorf("mount tmpfs at %s: %w", data, err)
	}
	b.later(func() error { return unix.Unmount(data, unix.MNT_DETACH) })
	return os.CopyFS(data, os.DirFS(aside))
}

func (b *bed) ballast() string {
	return filepath.Join(b.Node(smallDisk), "data", "ballast-of-the-drill")
}

// fillDisk takes what is free but diskLeft.
func (b *bed) fillDisk() error {
	var s unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(b.ballast()), &s); err != nil {
		return err
	}
	f, err := os.Create(b.ballast())
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fallocate(int(f.Fd()), 0, 0, int64(s.Bavail)*s.Bsize-diskLeft)
}

func (b *bed) clearDisk() error { return os.Remove(b.ballast()) }

// loseJournal wipes the victim's vote journal. Without load there is no checkpoint
// that would end its amnesia.
func (b *bed) loseJournal() error {
	b.stopLoad()
	b.Nodes[victim].Kill()
	if err := os.RemoveAll(filepath.Join(b.Node(victim), "data", "journal")); err != nil {
		return err
	}
	return b.Start(victim)
}
