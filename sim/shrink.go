package sim

import (
	"cmp"
	"slices"
)

// Shrink makes a failing scenario small: whole topics go first, then single
// choices, then load and replicas. A smaller one counts as failing when it fails
// in the same class. stop is asked before each run and may end the work early;
// the best so far comes back, and the number of runs that it took.
//
// It is greedy: what is left fails, and no single choice of it can be left out,
// unless stop ended the work; a smaller one may exist.
func Shrink(s *Scenario, stop func() bool) (*Scenario, int) {
	h := &shrinker{best: s, stop: stop}
	first := s.Run(nil)
	if first.Problem == "" {
		return s, 1
	}
	h.class = Class(first.Problem)
	h.take(s.clone(), first)
	h.best.Found = h.class
	h.timing(32)
	h.topics()
	h.chunks(func(e *entry) bool { return !e.topic.timing() })
	h.timing(24)
	h.options()
	h.topics()
	h.chunks(func(e *entry) bool { return !e.topic.timing() })
	h.timing(100)
	h.chunks(func(e *entry) bool { return true })
	h.plain()
	h.widen()
	return h.best, h.runs
}

type shrinker struct {
	best  *Scenario
	class string
	limit uint64 // events after which a run is given up
	runs  int
	stop  func() bool
}

func (s *Scenario) clone() *Scenario {
	c := *s
	c.entries = slices.Clone(s.entries)
	return &c
}

// try takes a candidate if it fails as the first one did.
func (h *shrinker) try(s *Scenario) bool {
	if h.stop() || s.validate() != nil {
		return false
	}
	h.runs++
	w := newWorld(s.Opt, s, nil, nil)
	w.limit = h.limit
	r := w.live()
	if Class(r.Problem) != h.class {
		return false
	}
	h.take(s, r)
	return true
}

// take makes a failing scenario the best, without what its run did not come to.
func (h *shrinker) take(s *Scenario, r Result) {
	s.Calm = min(s.Calm, r.Micros+1)
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return !e.met })
	h.best, h.limit = s, max(h.limit, 2*r.Events)
}

// without tries to leave out what cond picks.
func (h *shrinker) without(cond func(e *entry) bool) bool {
	s := h.best.clone()
	s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return cond(&e) })
	return len(s.entries) < len(h.best.entries) && h.try(s)
}

// timing tries to do without listed delays: with plain ones, or with those of
// one of some salts; else topic by topic.
func (h *shrinker) timing(salts uint64) {
	listed := func(e *entry) bool { return e.topic.timing() }
	if !slices.ContainsFunc(h.best.entries, func(e entry) bool { return listed(&e) }) {
		return
	}
	if h.without(listed) {
		return
	}
	for salt := uint64(1); salt <= salts; salt++ {
		s := h.best.clone()
		s.Jitter = salt
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return listed(&e) })
		if h.try(s) {
			return
		}
	}
	for t := topic(0); t < topicLost; t++ {
		h.without(func(e *entry) bool { return e.topic == t })
	}
}

// topics tries to leave out whole topics of faults, the most frequent first.
func (h *shrinker) topics() {
	var count [topicCount]int
	for i := range h.best.entries {
		count[h.best.entries[i].topic]++
	}
	var order []topic
	for t := topicLost; t < topicCount; t++ {
		if count[t] > 0 {
			order = append(order, t)
		}
	}
	slices.SortStableFunc(order, func(a, b topic) int { return cmp.Compare(count[b], count[a]) })
	for _, t := range order {
		h.without(func(e *entry) bool { return e.topic == t })
	}
}

// chunks leaves out ever smaller runs of the choices that cond picks, until none
// of them can go (ddmin by complements). The latest go first: what happened last
// is most often aftermath.
func (h *shrinker) chunks(cond func(e *entry) bool) {
	for again := true; again; {
		again = false
		for size := (h.picked(cond) + 1) / 2; size > 0; size /= 2 {
			for end := h.picked(cond); end > 0; end -= size {
				if h.stop() {
					return
				}
				if h.drop(cond, max(0, end-size), end) {
					again = size == 1
					end = min(end, h.picked(cond)+size)
				}
			}
		}
	}
}

func (h *shrinker) picked(cond func(e *entry) bool) (n int) {
	for i := range h.best.entries {
		if cond(&h.best.entries[i]) {
			n++
		}
	}
	return n
}

// drop tries to leave out the picked choices from one number to another.
func (h *shrinker) drop(cond func(e *entry) bool, from, to int) bool {
	n := 0
	return h.without(func(e *entry) bool {
		if !cond(e) {
			return false
		}
		n++
		return n > from && n <= to
	})
}

// options tries smaller clusters, less load, and an earlier end of faults.
func (h *shrinker) options() {
	h.smaller()
	set := func(change func(o *Options)) bool {
		s := h.best.clone()
		change(&s.Opt)
		n := 3*s.Opt.F + 2*s.Opt.C + 1
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return !e.fits(n, s.Opt.Load.Clients) })
		return s.Opt != h.best.Opt && h.try(s)
	}
	set(func(o *Options) { o.Final = false })
	set(func(o *Options) { o.Real = false })
	set(func(o *Options) { o.Scheme = 0 })
	set(func(o *Options) { o.Load.Rogue = false })
	set(func(o *Options) { o.Load.Open = 0 })
	for set(func(o *Options) { o.Load.Clients = max(1, o.Load.Clients/2) }) {
	}
	for set(func(o *Options) { o.Load.Ops /= 2 }) {
	}
	for _, p := range []func(o *Options) *int{
		func(o *Options) *int { return &o.Load.Depth }, func(o *Options) *int { return &o.Load.Events }, func(o *Options) *int { return &o.Load.Accounts }} {
		_ = set(func(o *Options) { *p(o) = 1 }) || set(func(o *Options) { *p(o) = max(1, *p(o)/4) })
	}
	for h.earlier() {
	}
}

// smaller tries clusters with fewer replicas.
func (h *shrinker) smaller() {
	for _, size := range [][2]int{{1, 0}, {1, 1}, {2, 0}, {2, 1}, {3, 0}} {
		o := &h.best.Opt
		if n := 3*size[0] + 2*size[1] + 1; n >= 3*o.F+2*o.C+1 {
			return
		}
		s := h.best.clone()
		s.Opt.F, s.Opt.C = size[0], size[1]
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return !e.fits(3*size[0]+2*size[1]+1, o.Load.Clients) })
		if h.try(s) {
			return
		}
	}
}

// earlier tries to end faults after half the time.
func (h *shrinker) earlier() bool {
	s := h.best.clone()
	s.Calm /= 2
	return s.Calm >= tickMicros && h.try(s)
}

// widen opens the names of what is left as far as it still fails: each
// occurrence, any seq, any view. A choice that names less depends on less of what
// the program does.
func (h *shrinker) widen() {
	for i := 0; i < len(h.best.entries); i++ {
		for _, more := range []open{openN, openSeq, openView} {
			e := h.best.entries[i]
			if e.topic < topicLost || e.topic > topicBent || e.topic == topicReplay {
				break
			}
			s := h.best.clone()
			s.entries[i].key.open |= more
			if !h.try(s) {
				break
			}
			i = min(i, len(h.best.entries)-1)
		}
	}
}

// plain tries round values: no jitter, and delays in milliseconds.
func (h *shrinker) plain() {
	if h.best.Jitter != 0 {
		s := h.best.clone()
		s.Jitter = 0
		h.try(s)
	}
	s := h.best.clone()
	for i := range s.entries {
		e := &s.entries[i]
		if e.topic == topicLate || e.topic == topicAgain || e.topic == topicReplay || e.topic == topicStall || e.topic == topicRestart {
			e.value -= e.value % 1000
		}
		if e.topic.timed() {
			e.at -= e.at % 1000
		}
	}
	h.try(s)
}
