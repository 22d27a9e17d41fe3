package main

import (
	"regexp"
	"strconv"
	"time"
)

// shorter is what every duration of the rule files is divided by for a drill of
// alerts. A range keeps rangeLeast: with a scrape a second a rate needs some; and
// rangeMost is enough to see what it is for and not to wait for its end.
const (
	shorter    = 15
	rangeLeast = 5 * time.Second
	rangeMost  = 60 * time.Second
	forLeast   = time.Second
)

var (
	ranges = regexp.MustCompile(`\[(\d+)([smh])\]`)
	fors   = regexp.MustCompile(`(?m)^(\s+for: )(\d+)([smh])$`)
)

// shorten divides the ranges and the "for" of a rule file. Names of recording
// rules keep the range that they are called after.
func shorten(rules string) string {
	rules = ranges.ReplaceAllStringFunc(rules, func(s string) string {
		m := ranges.FindStringSubmatch(s)
		return "[" + seconds(m[1], m[2], rangeLeast, rangeMost) + "]"
	})
	return fors.ReplaceAllStringFunc(rules, func(s string) string {
		m := fors.FindStringSubmatch(s)
		return m[1] + seconds(m[2], m[3], forLeast, rangeMost)
	})
}

// seconds is a duration of the file, divided, within bounds and in whole seconds.
func seconds(count, unit string, least, most time.Duration) string {
	n, _ := strconv.Atoi(count) // digits, by the pattern
	d := time.Duration(n) * map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	return strconv.Itoa(int(min(max(d/shorter, least), most)/time.Second)) + "s"
}
