package sim

import (
	"fmt"
	"strconv"
	"strings"

	"quorate/wire"
)

// topics says how the entries of each topic are written: name, the parts of the
// key and the value, a letter each.
//
//	l  link: from and to, clients as c1, a liar before it bends
//	   as !2, its twin as !!2
//	n  replica        s  stage            k  kind of frame
//	p  view/seq       v  life             q  seq of a request
//	#  occurrence
//	   (* is any replica, liar (!*), view, seq or occurrence)
//	d  value: microseconds    i  value: number    x  value: bits
//	o  the frame that comes again
//	L  value: list of links
var topics = [topicCount]struct{ name, parts string }{
	topicDelay: {"delay", "lkp#d"}, topicClient: {"client-delay", "lkp#d"}, topicStep: {"step", "nsv#d"},
	topicTick: {"tick", "nv#d"}, topicLink: {"link", "l#d"}, topicHello: {"hello", "l#d"},
	topicSubmit: {"submit", "n#d"}, topicRestart: {"restart", "n#d"},
	topicLost: {"lost", "lkp#"}, topicLate: {"late", "lkp#d"}, topicAgain: {"again", "lkp#d"}, topicReplay: {"replay", "lkp#do"},
	topicBent: {"bent", "lkp#x"}, topicTorn: {"torn", "n#i"}, topicLedger: {"ledger-keeps", "n#i"}, topicForget: {"forget", "n#i"},
	topicRot: {"rot", "n#x"}, topicReadFails: {"read-fails", "n#i"},
	topicRepeat: {"repeat", "nqx"},
	topicCut:    {"cut", "L"}, topicNotice: {"notice", "li"}, topicCrash: {"crash", "n"}, topicCrashAt: {"crash-at", "ni"},
	topicCrashAll:  {"crash-all", ""},
	topicSyncFails: {"sync-fails", "n"}, topicCommitFails: {"commit-fails", "n"}, topicStall: {"stall", "nsd"},
	topicClog: {"clog", "ld"}, topicCapacity: {"capacity", "i"}, topicBandwidth: {"bandwidth", "i"},
	topicPause: {"pause", "nd"}, topicJump: {"jump", "nx"}, topicFreeze: {"freeze", "nd"}, topicStorm: {"storm", "n"}, topicDrift: {"drift", "ni"},
	topicRemember: {"remember", "n"}, topicFull: {"full", "ni"},
	topicFirstCrash: {"first-crash", "ni"},
	topicLiar:       {"liar", "nx"}, topicForgetful: {"forgetful", "n"}, topicClock: {"clock", "nx"}, topicRotten: {"rotten", "n"},
}

var frameNames = map[wire.Kind]string{
	wire.KindPrePrepare: "pre-prepare", wire.KindSignShare: "sign-share", wire.KindFullCommitProof: "full-commit-proof",
	wire.KindPrepare: "prepare", wire.KindCommit: "commit", wire.KindSlowCommitProof: "slow-commit-proof",
	wire.KindSignState: "sign-state", wire.KindExecuteProof: "execute-proof", wire.KindCheckpoint: "checkpoint",
	wire.KindStable: "stable", wire.KindComplaint: "complaint", wire.KindViewChange: "view-change", wire.KindNewView: "new-view",
	wire.KindStatus: "status", wire.KindFetchBody: "fetch-body", wire.KindBody: "body", wire.KindFetchViewChange: "fetch-view-change",
	wire.KindFetchBlocks: "fetch-blocks", wire.KindBlocks: "blocks", wire.KindForward: "forward",
	wire.KindRequest: "request", wire.KindReply: "reply", wire.KindReject: "reject",
	wire.KindStatusRequest: "status-request", wire.KindStatusReply: "status-reply",
}

var frameNumbers = func() map[string]wire.Kind {
	m := map[string]wire.Kind{}
	for k, name := range frameNames { //tidy:sorted copied key by key
		m[name] = k
	}
	return m
}()

func kindName(k uint8) string {
	if name, ok := frameNames[wire.Kind(k)]; ok {
		return name
	}
	return "kind-" + strconv.Itoa(int(k))
}

// stageNames are those of pipeline, in the order of Replica.Stages.
var stageNames = [8]string{"verify", "crypto", "order", "journal", "execute", "commit", "serve", "payers"}

// Some of them by number.
const (
	stageCrypto  = 1
	stageOrder   = 2
	stageExecute = 4
)

// endName is one end of a link.
func endName(x int16) string {
	switch {
	case x < 0:
		return "c" + strconv.Itoa(int(-x))
	case x >= liarEnd:
		return "!" + endName(x-liarEnd)
	}
	return strconv.Itoa(int(x))
}

// end writes one end of a link, or a replica.
func (k *key) end(x int16, may open) string {
	if k.open&may != 0 {
		return strings.Repeat("!", int(x)/liarEnd) + "*"
	}
	return endName(x)
}

func (k *key) parseEnd(s string, may open) (int16, error) {
	rest := strings.TrimLeft(s, "!")
	liars := int16(len(s) - len(rest))
	digits := strings.TrimPrefix(rest, "c")
	n, err := strconv.ParseUint(digits, 10, 7)
	x := int16(n)
	if rest == "*" {
		k.open |= may
		x, err = 0, nil
	}
	switch {
	case err != nil || x >= liarEnd || liars > 2:
		return 0, fmt.Errorf("%q is no replica or client", s)
	case rest != digits && (x == 0 || liars > 0):
		return 0, fmt.Errorf("%q is no client", s)
	case rest != digits:
		return -x, nil
	}
	return x + liars*liarEnd, nil
}

// number writes a view, a seq or an occurrence.
func (k *key) number(n uint64, may open) string {
	if k.open&may != 0 {
		return "*"
	}
	return strconv.FormatUint(n, 10)
}

func (k *key) parseNumber(s string, may open) (uint64, error) {
	if s == "*" {
		k.open |= may
		return 0, nil
	}
	return strconv.ParseUint(s, 10, 64)
}

// formatMillis writes virtual time as milliseconds with three decimals.
func formatMillis(micros uint64) string { return fmt.Sprintf("%d.%03d", micros/1000, micros%1000) }

func parseMillis(s string) (uint64, error) {
	whole, part, _ := strings.Cut(s, ".")
	a, err := strconv.ParseUint(whole, 10, 40)
	if err != nil {
		return 0, err
	}
	b, err := strconv.ParseUint((part + "000")[:3], 10, 64)
	return a*1000 + b, err
}

// text is the entry's line.
func (e *entry) text() string {
	form := topics[e.topic]
	words := []string{form.name}
	if e.topic.timed() {
		words = []string{"at", formatMillis(e.at), form.name}
	}
	for i := range len(form.parts) {
		words = append(words, e.part(form.parts[i])...)
	}
	return strings.Join(words, " ")
}

// part writes what one letter stands for.
func (e *entry) part(letter byte) []string {
	k := &e.key
	number := func(n uint64) []string { return []string{strconv.FormatUint(n, 10)} }
	switch letter {
	case 'l':
		return []string{k.end(k.a, openA) + ">" + k.end(k.b, openB)}
	case 'n':
		return []string{k.end(k.a, openA)}
	case 's':
		return []string{stageNames[k.kind]}
	case 'k':
		return []string{kindName(k.kind)}
	case 'p':
		return []string{k.number(k.view, openView) + "/" + k.number(k.seq, openSeq)}
	case 'v':
		return number(k.view)
	case 'q':
		return number(k.seq)
	case '#':
		return []string{"#" + k.number(uint64(k.n), openN)}
	case 'd', 'i':
		return number(e.value)
	case 'x':
		return []string{fmt.Sprintf("%#x", e.value)}
	case 'o':
		old := entry{key: e.old}
		var words []string
		for _, c := range []byte("lkp#") {
			words = append(words, old.part(c)...)
		}
		return words
	case 'L':
		var words []string
		for i := 0; i+1 < len(e.links); i += 2 {
			words = append(words, fmt.Sprintf("%d>%d", e.links[i], e.links[i+1]))
		}
		return words
	}
	panic("sim: unknown part of an entry")
}

// parseEntry reads a line that text wrote, or a person.
func parseEntry(line string) (e entry, err error) {
	words := strings.Fields(line)
	timed := words[0] == "at"
	if timed {
		if len(words) < 3 {
			return e, fmt.Errorf("time and name are missing")
		}
		if e.at, err = parseMillis(words[1]); err != nil {
			return e, err
		}
		words = words[2:]
	}
	for e.topic = 0; e.topic < topicCount && topics[e.topic].name != words[0]; {
		e.topic++
	}
	if e.topic == topicCount || e.topic.timed() != timed {
		return e, fmt.Errorf("unknown word %q", words[0])
	}
	words = words[1:]
	for _, letter := range []byte(topics[e.topic].parts) {
		if words, err = e.parse(letter, words); err != nil {
			return e, err
		}
	}
	if len(words) > 0 {
		return e, fmt.Errorf("%q is too much", words)
	}
	return e, nil
}

// parse reads what one letter stands for, and gives the words left.
func (e *entry) parse(letter byte, words []string) (rest []string, err error) {
	k := &e.key
	if letter == 'L' {
		return nil, e.parseLinks(words)
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("a word is missing")
	}
	w := words[0]
	switch letter {
	case 'l':
		a, b, _ := strings.Cut(w, ">")
		if k.a, err = k.parseEnd(a, openA); err == nil {
			k.b, err = k.parseEnd(b, openB)
		}
	case 'n':
		k.a, err = k.parseEnd(w, openA)
	case 's':
		for k.kind = 0; int(k.kind) < len(stageNames) && stageNames[k.kind] != w; {
			k.kind++
		}
		if int(k.kind) == len(stageNames) {
			err = fmt.Errorf("%q is no stage", w)
		}
	case 'k':
		k.kind, err = parseKind(w)
	case 'p':
		view, seq, _ := strings.Cut(w, "/")
		if k.view, err = k.parseNumber(view, openView); err == nil {
			k.seq, err = k.parseNumber(seq, openSeq)
		}
	case 'v':
		k.view, err = strconv.ParseUint(w, 10, 64)
	case 'q':
		k.seq, err = strconv.ParseUint(w, 10, 64)
	case '#':
		var n uint64
		if number, ok := strings.CutPrefix(w, "#"); ok {
			n, err = k.parseNumber(number, openN)
		} else {
			err = fmt.Errorf("%q is no occurrence", w)
		}
		k.n = uint32(n)
	case 'd', 'i', 'x':
		e.value, err = strconv.ParseUint(w, 0, 64)
	case 'o':
		old := entry{}
		for _, c := range []byte("lkp#") {
			if words, err = old.parse(c, words); err != nil {
				return nil, err
			}
		}
		e.old = old.key
		return words, nil
	}
	return words[1:], err
}

func (e *entry) parseLinks(words []string) error {
	for _, w := range words {
		var a, b int
		if _, err := fmt.Sscanf(w, "%d>%d", &a, &b); err != nil {
			return err
		}
		e.links = append(e.links, a, b)
	}
	return nil
}

func parseKind(w string) (uint8, error) {
	if k, ok := frameNumbers[w]; ok {
		return uint8(k), nil
	}
	digits, ok := strings.CutPrefix(w, "kind-")
	n, err := strconv.ParseUint(digits, 10, 8)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is no kind of frame", w)
	}
	return uint8(n), nil
}
