package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrPlan is wrapped by every reason for which a plan is refused.
var ErrPlan = errors.New("chaos refused")

// stepsMax bounds the steps of a plan.
const stepsMax = 1000

// Action is what is done to a replica.
type Action string

// The actions.
const (
	Kill    Action = "kill"    // SIGKILL; with For: started again after it
	Stop    Action = "stop"    // SIGSTOP; SIGCONT after For
	Restart Action = "restart" // SIGTERM, and started when it has ended
	Start   Action = "start"   // what an earlier step killed
	Exec    Action = "exec"    // a command of the user's
)

// Targets beside the number of a replica, chosen when the step comes.
const (
	Primary = -1 // of the highest view that a replica tells of
	Backup  = -2 // any other, by the plan's seed
	Any     = -3
)

// Step is one thing to do.
type Step struct {
	At      time.Duration // since the start of the load
	Action  Action
	Target  int           // a replica, Primary, Backup or Any
	For     time.Duration // 0: for good
	Command string        // of Exec
}

// String gives the step as Parse reads it.
func (s *Step) String() string {
	text := fmt.Sprintf("%v %s", s.At, s.Action)
	if s.Action == Exec {
		return text + " " + s.Command
	}
	text += " " + targetName(s.Target)
	if s.For > 0 {
		text += fmt.Sprintf(" for %v", s.For)
	}
	return text
}

func targetName(t int) string {
	switch t {
	case Primary:
		return "primary"
	case Backup:
		return "backup"
	case Any:
		return "any"
	}
	return "replica " + strconv.Itoa(t)
}

const form = "write such as '20s kill primary for 10s', '30s stop replica 2 for 5s', '40s restart backup', '50s start replica 0', '60s exec ./cut-network.sh'"

// Parse reads one step.
func Parse(line string) (Step, error) {
	bad := func(why string) (Step, error) {
		return Step{}, fmt.Errorf("%w: %.80q: %s; %s", ErrPlan, line, why, form)
	}
	words := strings.Fields(line)
	if len(words) < 3 {
		return bad("it needs a time, an action and a target")
	}
	at, err := time.ParseDuration(words[0])
	if err != nil || at < 0 {
		return bad("it does not begin with a time such as 20s")
	}
	s := Step{At: at, Action: Action(words[1])}
	switch s.Action {
	case Exec:
		s.Command = strings.TrimSpace(line[strings.Index(line, words[1])+len(words[1]):])
		return s, nil
	case Kill, Stop, Restart, Start:
	default:
		return bad("the actions are kill, stop, restart, start and exec")
	}
	rest := words[2:]
	if rest[0] == "replica" && len(rest) > 1 {
		rest = rest[1:]
	}
	switch rest[0] {
	case "primary":
		s.Target = Primary
	case "backup":
		s.Target = Backup
	case "any":
		s.Target = Any
	default:
		if s.Target, err = strconv.Atoi(rest[0]); err != nil || s.Target < 0 {
			return bad("the target is primary, backup, any or replica N")
		}
	}
	if rest = rest[1:]; len(rest) > 0 {
		if len(rest) != 2 || rest[0] != "for" {
			return bad("behind the target comes nothing but: for D")
		}
		if s.For, err = time.ParseDuration(rest[1]); err != nil || s.For <= 0 {
			return bad("behind for comes a duration such as 5s")
		}
	}
	switch {
	case s.Action == Stop && s.For == 0:
		return bad("stop needs an end: for D")
	case (s.Action == Restart || s.Action == Start) && s.For > 0:
		return bad(string(s.Action) + " takes no time")
	case s.Action == Start && s.Target < 0:
		return bad("start names the replica that was killed")
	}
	return s, nil
}

// ParseFile reads a step a line; empty lines and those that begin with # say
// nothing.
func ParseFile(text string) ([]Step, error) {
	var steps []Step
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := Parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if steps = append(steps, s); len(steps) > stepsMax {
			return nil, fmt.Errorf("%w: over %d steps", ErrPlan, stepsMax)
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("%w: no step; %s", ErrPlan, form)
	}
	return steps, nil
}

// Random makes a plan of one fault every `every` of a load of length total, each
// undone before the next, the last of them early enough to see the cluster
// recover.
func Random(seed uint64, every, total time.Duration) ([]Step, error) {
	if every < 2*time.Second {
		return nil, fmt.Errorf("%w: one fault every %v leaves no time to recover; take 2s at least", ErrPlan, every)
	}
	rng := rand.New(rand.NewPCG(seed, 0x6368616f73))
	var steps []Step
	for at := every; at+every <= total && len(steps) < stepsMax; at += every {
		s := Step{At: at, Target: []int{Primary, Backup}[rng.IntN(2)]}
		switch rng.IntN(3) {
		case 0:
			s.Action, s.For = Kill, every/2
		case 1:
			s.Action, s.For = Stop, every/3
		case 2:
			s.Action = Restart
		}
		s.For = s.For.Round(time.Millisecond)
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("%w: a load of %v holds no fault every %v; take a longer load", ErrPlan, total, every)
	}
	return steps, nil
}

// Check refuses steps that a load of length total on n replicas cannot hold
// (Invariant K1), and puts them in order.
func Check(steps []Step, total time.Duration, n int) error {
	slices.SortStableFunc(steps, func(a, b Step) int { return int(a.At - b.At) })
	killed := false
	held := map[int]*Step{} // what is being done to a replica that is named
	for i := range steps {
		s := &steps[i]
		switch {
		case s.Target >= n:
			return fmt.Errorf("%w: %q: the cluster has replicas 0 to %d", ErrPlan, s.String(), n-1)
		case s.At+s.For >= total:
			return fmt.Errorf("%w: %q ends at %v, and the load at %v; make the load longer", ErrPlan, s.String(), s.At+s.For, total)
		case s.Action == Start && !killed:
			return fmt.Errorf("%w: %q: no step before it kills a replica", ErrPlan, s.String())
		}
		if err := overlap(held, s); err != nil {
			return err
		}
		killed = killed || s.Action == Kill
	}
	return nil
}

// overlap refuses a step for a replica that an earlier step holds down or stopped,
// and notes what this one holds. What primary, backup and any mean is not known
// yet: such steps share what they meet (Invariant K2).
func overlap(held map[int]*Step, s *Step) error {
	if s.Action == Exec || s.Target < 0 {
		return nil
	}
	old := held[s.Target]
	if old != nil && old.For > 0 && old.At+old.For <= s.At {
		old = nil
	}
	switch {
	case s.Action == Start && (old == nil || old.Action == Kill):
		delete(held, s.Target)
		return nil
	case old != nil && old.For > 0:
		return fmt.Errorf("%w: %q and %q overlap; begin the second at %v at the earliest", ErrPlan, old.String(), s.String(), old.At+old.For)
	case old != nil:
		return fmt.Errorf("%w: %q: %q leaves it down; start it before, or kill it for a time", ErrPlan, s.String(), old.String())
	}
	if s.Action != Restart {
		held[s.Target] = s
	}
	return nil
}
