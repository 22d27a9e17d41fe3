package twins

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"quorate/cluster"
	"quorate/wire"
)

// ErrScenario says that a text is no scenario.
var ErrScenario = errors.New("twins: no scenario")

// instancesMax bounds the instances of a scenario; each has one letter in texts.
const instancesMax = 16

// instanceNames are the letters of instances, and of identities.
const instanceNames = "0123456789abcdef"

// Setup is the cluster of a scenario. Instances 0 to n−1 are the replicas of
// those names; instance n+i is the second one of Twins[i].
type Setup struct {
	F, C  int
	Twins []wire.ReplicaID // ascending
}

func (s Setup) n() int         { return 3*s.F + 2*s.C + 1 }
func (s Setup) instances() int { return s.n() + len(s.Twins) }

// identity is the replica that instance i is.
func (s Setup) identity(i int) wire.ReplicaID {
	if i < s.n() {
		return wire.ReplicaID(i)
	}
	return s.Twins[i-s.n()]
}

// twin reports whether an identity has two instances.
func (s Setup) twin(id wire.ReplicaID) bool {
	for _, t := range s.Twins {
		if t == id {
			return true
		}
	}
	return false
}

// Path says how far slots get in a round.
type Path uint8

// The paths.
const (
	PathFast  Path = iota // nothing is lost inside a set
	PathSlow              // sign-shares of Mute are lost: σ cannot come
	PathLocks             // as PathSlow, and commit shares are lost: certificates, no slow commits
	PathVotes             // sign-shares are lost: votes, no certificates
	PathQuiet             // commit proofs are lost: collectors alone know
	pathCount
)

var pathNames = [pathCount]string{"fast", "slow", "locks", "votes", "quiet"}

// Disk says what happens to a disk before a round.
type Disk uint8

// The disks. All but DiskRestart are for twins only: a replica that forgot is
// Byzantine until it knows that it did.
const (
	DiskKept     Disk = iota
	DiskAmnesia       // the instance starts again with nothing, as if it were new
	DiskRollback      // it starts again with what it had one round ago
	DiskRestart       // it starts again with all it had
	diskCount
)

var diskNames = [diskCount]string{"", "amnesia", "rollback", "restart"}

// partition gives the set of each instance, in restricted growth form: set
// numbers appear in ascending order.
type partition [instancesMax]uint8

// Round is one entry of the schedule.
type Round struct {
	Leader wire.ReplicaID
	sets   partition
	Path   Path
	Mute   uint32 // bits of identities
	Disk   Disk
	disk   uint8 // whose
}

// Scenario is a whole run, explicit but for Order.
type Scenario struct {
	Setup
	Order  uint64 // 0: messages arrive as sent; else the seed of another order
	Cut    bool   // twins stay cut off from everybody after healing
	Rounds []Round
}

// String is the form that Parse takes:
//
//	f=1 c=0 twins=0 order=0 then=heal 0/0123|4/fast 1/03|124/slow:0/amnesia:4
//
// A round is leader/sets/path, with the muted identities behind the path, and
// what happened to whose disk. With then=cut the twins are not healed.
func (s Scenario) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "f=%d c=%d twins=", s.F, s.C)
	for _, t := range s.Twins {
		b.WriteByte(instanceNames[t])
	}
	fmt.Fprintf(&b, " order=%d then=%s", s.Order, thenNames[s.Cut])
	for _, r := range s.Rounds {
		b.WriteByte(' ')
		b.WriteString(r.text(s.instances()))
	}
	return b.String()
}

var thenNames = map[bool]string{false: "heal", true: "cut"}

func (r Round) text(instances int) string {
	b := []byte{instanceNames[r.Leader], '/'}
	for set := range uint8(instances) {
		for i := range instances {
			if r.sets[i] == set {
				b = append(b, instanceNames[i])
			}
		}
		if set+1 < r.sets.count(instances) {
			b = append(b, '|')
		}
	}
	b = append(b, '/')
	b = append(b, pathNames[r.Path]...)
	if r.Mute != 0 {
		b = append(b, ':')
		for i := range instancesMax {
			if r.Mute&(1<<i) != 0 {
				b = append(b, instanceNames[i])
			}
		}
	}
	if r.Disk != DiskKept {
		b = append(b, '/')
		b = append(b, diskNames[r.Disk]...)
		b = append(b, ':', instanceNames[r.disk])
	}
	return string(b)
}

// count is the number of sets.
func (p *partition) count(instances int) uint8 {
	var n uint8
	for _, s := range p[:instances] {
		n = max(n, s+1)
	}
	return n
}

// headWords is how many words stand before the rounds.
const headWords = 5

// Parse reads what String wrote.
func Parse(text string) (Scenario, error) {
	var s Scenario
	words := strings.Fields(text)
	if len(words) < headWords {
		return s, fmt.Errorf("%w: %q has fewer than %d words", ErrScenario, text, headWords)
	}
	var twins, then string
	head := strings.Join(words[:headWords], " ")
	if _, err := fmt.Sscanf(head, "f=%d c=%d twins=%s order=%d then=%s", &s.F, &s.C, &twins, &s.Order, &then); err != nil {
		return s, fmt.Errorf("%w: %q: %w", ErrScenario, head, err)
	}
	s.Cut = then == thenNames[true]
	if then != thenNames[s.Cut] {
		return s, fmt.Errorf("%w: then=%s", ErrScenario, then)
	}
	if _, err := cluster.NewQuorums(s.n(), s.F, s.C); err != nil || s.n()+len(twins) > instancesMax {
		return s, fmt.Errorf("%w: n=%d with %d twins", ErrScenario, s.n(), len(twins))
	}
	for i := range len(twins) {
		id := strings.IndexByte(instanceNames, twins[i])
		if id < 0 || id >= s.n() || i > 0 && twins[i-1] >= twins[i] {
			return s, fmt.Errorf("%w: twins=%s", ErrScenario, twins)
		}
		s.Twins = append(s.Twins, wire.ReplicaID(id))
	}
	for _, w := range words[headWords:] {
		r, ok := s.parseRound(w)
		if !ok {
			return s, fmt.Errorf("%w: round %q", ErrScenario, w)
		}
		s.Rounds = append(s.Rounds, r)
	}
	return s, nil
}

func (s Setup) parseRound(text string) (r Round, ok bool) {
	parts := strings.Split(text, "/")
	if len(parts) < 3 || len(parts) > 4 || len(parts[0]) != 1 {
		return r, false
	}
	leader := strings.IndexByte(instanceNames, parts[0][0])
	if leader < 0 || leader >= s.n() || !s.parseSets(parts[1], &r.sets) {
		return r, false
	}
	r.Leader = wire.ReplicaID(leader)
	path, mute, _ := strings.Cut(parts[2], ":")
	if r.Path, ok = nameOf[Path](pathNames[:], path); !ok {
		return r, false
	}
	for i := range len(mute) {
		id := strings.IndexByte(instanceNames, mute[i])
		if id < 0 || id >= s.n() {
			return r, false
		}
		r.Mute |= 1 << id
	}
	if len(parts) == 4 {
		what, whose, _ := strings.Cut(parts[3], ":")
		r.Disk, ok = nameOf[Disk](diskNames[:], what)
		i := strings.Index(instanceNames, whose)
		if !ok || len(whose) != 1 || i < 0 || i >= s.instances() || r.Disk != DiskRestart && !s.twin(s.identity(i)) {
			return r, false
		}
		r.disk = uint8(i)
	}
	return r, true
}

// parseSets reads sets such as 0123|4, in which each instance stands once.
func (s Setup) parseSets(text string, p *partition) bool {
	const nowhere = 255
	for i := range s.instances() {
		p[i] = nowhere
	}
	for set, members := range strings.Split(text, "|") {
		for k := range len(members) {
			i := strings.IndexByte(instanceNames, members[k])
			if i < 0 || i >= s.instances() || p[i] != nowhere {
				return false
			}
			p[i] = uint8(set)
		}
	}
	for i := range s.instances() {
		if p[i] == nowhere {
			return false
		}
	}
	p.normalize(s.instances())
	return true
}

// normalize renumbers the sets in the order in which they appear.
func (p *partition) normalize(instances int) {
	var number [instancesMax]uint8
	next := uint8(1)
	for i := range instances {
		if number[p[i]] == 0 {
			number[p[i]] = next
			next++
		}
		p[i] = number[p[i]] - 1
	}
}

// nameOf finds a name's number.
func nameOf[T ~uint8](names []string, name string) (T, bool) {
	for i, n := range names {
		if n == name {
			return T(i), true
		}
	}
	n, err := strconv.Atoi(name)
	return T(n), err == nil && n >= 0 && n < len(names)
}
