package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"quorate/tuning"
)

// Files and command lines (KEY-02, OPS-01, CLI-04): each mistake is refused with
// its exit code, and where a file has lines, with the line. A command that
// crashes exits with 2 and says "goroutine"; neither is ever right.

// Exit codes of wrong input beside those of harness_test.go.
const (
	exitUsage = 64
	exitInput = 65
)

// command judges one run of a binary: its code, and words in what it says.
func (b *badRun) command(row, name string, over bool, code int, words []string, binary string, args ...string) {
	outer := b.t
	ok := outer.Run(row+" "+name, func(t *testing.T) {
		p := spawn(t, nil, binary, args...)
		got := p.wait(t, commandMax)
		said := p.Stderr.String()
		if got != code || strings.Contains(said, "goroutine ") || strings.Contains(said, "panic") {
			t.Errorf("exit code %d, want %d: %.600s", got, code, said)
		}
		for _, w := range words {
			if !strings.Contains(said, w) {
				t.Errorf("no %q in: %.600s", w, said)
			}
		}
		if len(said) > 4000 {
			t.Errorf("it says %d bytes: input is not to be shown whole", len(said))
		}
	})
	switch {
	case !ok:
		b.wrong++
	case over:
		b.rows[row]++
	default:
		b.edges++
	}
}

// copied is a copy of replica 1's genesis, keys and configuration.
func (b *badRun) copied() string {
	b.t.Helper()
	dir := b.t.TempDir()
	for name, mode := range map[string]fs.FileMode{"genesis.yaml": 0o644, "keys.yaml": 0o600, "config.yaml": 0o644} {
		b.write(filepath.Join(dir, name), b.read(filepath.Join(b.node(1), name)), mode)
	}
	return dir
}

func (b *badRun) read(path string) []byte {
	b.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

func (b *badRun) write(path string, text []byte, mode fs.FileMode) {
	b.t.Helper()
	if err := os.WriteFile(path, text, mode); err != nil {
		b.t.Fatal(err)
	}
}

// edited replaces the first match in a file of a copied node, and gives the node
// and the line, as an error names it.
func (b *badRun) edited(file, match, with string) (dir, line string) {
	b.t.Helper()
	dir = b.copied()
	text := b.read(filepath.Join(dir, file))
	at := regexp.MustCompile(match).FindIndex(text)
	if at == nil {
		b.t.Fatalf("no %q in %s", match, file)
	}
	out := append(append(append([]byte{}, text[:at[0]]...), with...), text[at[1]:]...)
	b.write(filepath.Join(dir, file), out, 0o600)
	return dir, fmt.Sprintf("line %d", 1+bytes.Count(out[:at[0]], []byte("\n")))
}

func (b *badRun) wrongFiles() {
	b.wrongGenesis()
	b.wrongText()
	b.wrongKeys()
	b.wrongSettings()
	b.wrongStarts()
	b.wrongLines()
	b.wrongCSV()
}

// wrongGenesis bends one value after another; each refusal names its line.
func (b *badRun) wrongGenesis() {
	const point = `'[0-9a-f]{192}'`
	key := func(hex string) string { return "'" + hex + "'" }
	for _, c := range []struct{ name, match, with string }{
		{"f of 2", `(?m)^f: 1$`, "f: 2"}, {"c of 1", `(?m)^c: 0$`, "c: 1"}, {"f of 0", `(?m)^f: 1$`, "f: 0"}, {"f of 256", `(?m)^f: 1$`, "f: 256"},
		{"f of 2^31", `(?m)^f: 1$`, "f: 2147483648"}, {"f of 2^63", `(?m)^f: 1$`, "f: 9223372036854775808"}, {"f of -1", `(?m)^f: 1$`, "f: -1"},
		{"f of nothing", `(?m)^f: 1$`, "f:"}, {"f of 1.0", `(?m)^f: 1$`, "f: 1.0"}, {"f of 0x1", `(?m)^f: 1$`, "f: 0x1"}, {"f as text", `(?m)^f: 1$`, "f: one"},
		{"epoch 0", `epoch: 1`, "epoch: 0"}, {"epoch 2^64", `epoch: 1`, "epoch: 18446744073709551616"},
		{"version 2", `version: 1`, "version: 2"}, {"version 2^63", `version: 1`, "version: 9223372036854775808"},
		{"window of 3", `window: \d+`, "window: 3"}, {"window of 100", `window: \d+`, "window: 100"}, {"window of 2^31", `window: \d+`, "window: 2147483648"},
		{"unknown key", `window: `, "windw: "}, {"key twice", `(?m)^f: 1$`, "f: 1\nf: 1"},
		{"id of a neighbour", `- id: 1\n`, "- id: 2\n"}, {"id 65536", `- id: 1\n`, "- id: 65536\n"}, {"id 2^63", `- id: 1\n`, "- id: 9223372036854775808\n"},
		{"no port", `peer_addr: '[^']*'`, "peer_addr: '127.0.0.1'"}, {"port 0", `peer_addr: '[^']*'`, "peer_addr: '127.0.0.1:0'"},
		{"port 65536", `peer_addr: '[^']*'`, "peer_addr: '127.0.0.1:65536'"}, {"port 2^31", `peer_addr: '[^']*'`, "peer_addr: '127.0.0.1:2147483648'"},
		{"a host with a space", `peer_addr: '[^']*'`, "peer_addr: 'a b:7000'"}, {"a list for a text", `peer_addr: '[^']*'`, "peer_addr: [a]"},
		{"an identity of small order", `identity: '[0-9a-f]*'`, "identity: " + key(strings.Repeat("0", 64))},
		{"an identity off the curve", `identity: '[0-9a-f]*'`, "identity: " + key("02"+strings.Repeat("0", 62))},
		{"a short identity", `identity: '[0-9a-f]*'`, "identity: '00'"}, {"no hexadecimal", `identity: '[0-9a-f]*'`, "identity: " + key(strings.Repeat("z", 64))},
		{"sigma of zeros", `sigma: ` + point, "sigma: " + key(strings.Repeat("0", 192))},
		{"sigma at infinity", `sigma: ` + point, "sigma: " + key("c0"+strings.Repeat("0", 190))},
		{"sigma of a long text", `sigma: ` + point, "sigma: " + key(strings.Repeat("ab", 5000))},
		{"ledger 0", `number: 1,`, "number: 0,"}, {"ledger 2^32", `number: 1,`, "number: 4294967296,"}, {"scale 25", `scale: 2`, "scale: 25"}, {"scale 256", `scale: 2`, "scale: 256"},
		{"a currency of 17", `currency: 'USD'`, "currency: 'ABCDEFGHIJKLMNOPQ'"}, {"an empty currency", `currency: 'USD'`, "currency: ''"},
		{"client 0", `- \{id: 1,`, "- {id: 0,"}, {"client twice", `- \{id: 2,`, "- {id: 1,"}, {"client 2^64", `- \{id: 2,`, "- {id: 18446744073709551616,"},
		{"a role of nobody", `roles: \[pay, read\]`, "roles: [pay, steal]"}, {"a role twice", `roles: \[pay, read\]`, "roles: [pay, pay]"}, {"no role", `roles: \[pay, read\]`, "roles: []"},
		{"a name with a slash", `name: 'load-01'`, "name: '../../x'"}, {"a name twice", `name: 'load-02'`, "name: 'load-01'"},
	} {
		dir, line := b.edited("genesis.yaml", c.match, c.with)
		if c.name == "f of 2" || c.name == "c of 1" || c.name == "f of 0" {
			line = "n=4" // that the sizes do not fit is no fault of one line
			if c.name == "f of 0" {
				line = "f=0"
			}
		}
		if c.name == "key twice" || c.name == "id of a neighbour" || c.name == "client twice" || c.name == "a name twice" {
			line = "line "
		}
		b.command("OPS-01", "genesis with "+c.name, true, exitConfig, []string{"genesis", line}, "replica", "check", "--dir", dir)
	}
}

// wrongText are files that are no genesis, no keys and no configuration at all.
func (b *badRun) wrongText() {
	bomb := "a: &a [x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 7), c-1)
	}
	for name, text := range map[string]string{
		"empty": "", "a comment": "# nothing\n", "a list": "- a\n- b\n", "a number": "7\n", "two documents": "version: 1\n---\nversion: 1\n",
		"a tab": "\tversion: 1\n", "an open quote": "version: '1\n", "binary": "\x00\x01\xff\xfe", "UTF-16": "\xff\xfev\x00e\x00", "a bomb of aliases": bomb,
		"a hundred thousand brackets": strings.Repeat("[", 100_000), "a hundred thousand braces": strings.Repeat("{a: ", 100_000),
		"a merge": "<<: {version: 1}\n", "a tag": "!!binary \"AA==\"\n", "a line of a megabyte": "version: " + strings.Repeat("9", 1<<20) + "\n",
	} {
		for _, file := range []string{"genesis.yaml", "keys.yaml", "config.yaml"} {
			if file == "config.yaml" && (name == "empty" || name == "a comment") {
				continue // a configuration may say nothing
			}
			dir := b.copied()
			b.write(filepath.Join(dir, file), []byte(text), 0o600)
			b.command("OPS-01", file+": "+name, true, exitConfig, []string{file}, "replica", "check", "--dir", dir)
		}
	}
}

func (b *badRun) wrongKeys() {
	for _, mode := range []fs.FileMode{0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777} {
		dir := b.copied()
		if err := os.Chmod(filepath.Join(dir, "keys.yaml"), mode); err != nil {
			b.t.Fatal(err)
		}
		b.command("KEY-02", fmt.Sprintf("keys of mode %04o", mode), true, exitConfig, []string{fmt.Sprintf("%04o", mode), "chmod 600"}, "replica", "check", "--dir", dir)
	}
	for _, i := range []int{0, 2, 3} {
		dir := b.copied()
		neighbour := b.read(filepath.Join(b.node(i), "keys.yaml"))
		b.write(filepath.Join(dir, "keys.yaml"), bytes.Replace(neighbour, fmt.Appendf(nil, "replica: %d\n", i), []byte("replica: 1\n"), 1), 0o600)
		b.command("KEY-02", fmt.Sprintf("replica %d's keys under the name of replica 1", i), true, exitConfig, []string{"not the key that genesis lists"}, "replica", "check", "--dir", dir)
	}
	zero := strings.Repeat("0", 64)
	for _, c := range []struct{ name, match, with string }{
		{"replica 4", `replica: 1\n`, "replica: 4\n"}, {"replica 2^31", `replica: 1\n`, "replica: 2147483648\n"}, {"replica 2^63", `replica: 1\n`, "replica: 9223372036854775808\n"},
		{"no identity", `(?m)^identity_seed: .*\n`, ""}, {"a seed of zeros", `identity_seed: '[^']*'`, "identity_seed: '" + zero + "'"},
		{"a share of zeros", `sigma_share: '[^']*'`, "sigma_share: '" + zero + "'"}, {"a share above the order", `tau_share: '[^']*'`, "tau_share: '" + strings.Repeat("f", 64) + "'"},
		{"a share of one", `pi_share: '[^']*'`, "pi_share: '" + strings.Repeat("0", 63) + "1'"}, {"a short share", `pi_share: '..`, "pi_share: '"}, {"a long share", `pi_share: '`, "pi_share: '00"},
		{"a letter in a share", `pi_share: '.`, "pi_share: 'x"}, {"version 9", `version: 1`, "version: 9"}, {"an unknown key", `version: 1\n`, "version: 1\nnote: x\n"},
	} {
		dir, _ := b.edited("keys.yaml", c.match, c.with)
		b.command("KEY-02", "keys with "+c.name, true, exitConfig, []string{"keys.yaml"}, "replica", "check", "--dir", dir)
	}
}

// wrongSettings says a number outside of each setting's range; tuning's table is
// its own list of limits. Line 6 is where configure writes.
func (b *badRun) wrongSettings() {
	p, err := tuning.Named(tuning.Balanced)
	if err != nil {
		b.t.Fatal(err)
	}
	refused := func(name, line string) {
		dir := b.copied()
		path := filepath.Join(dir, "config.yaml")
		text := b.read(path)
		b.write(path, append(text, line+"\n"...), 0o600)
		at := fmt.Sprintf("line %d", 1+bytes.Count(text, []byte("\n")))
		b.command("OPS-01", "setting "+name, true, exitConfig, []string{"config.yaml", at}, "replica", "check", "--dir", dir)
	}
	for _, row := range p.Explain() {
		if row.Max == "" {
			continue
		}
		low, _ := strconv.ParseInt(row.Min, 10, 64)
		high, _ := strconv.ParseInt(row.Max, 10, 64)
		numbers := []int64{low - 1, high + 1}
		if high < 1<<31 {
			numbers = append(numbers, 1<<31)
		}
		for _, n := range numbers {
			refused(fmt.Sprintf("%s: %d", row.Key, n), fmt.Sprintf("%s: %d", row.Key, n))
		}
		refused(row.Key+": 2^63", row.Key+": 9223372036854775808")
	}
	for _, line := range []string{"tick_micros: 5ms", "tick_micros: 5e3", "tick_micros: 0x1388", "tick_micros:", "tick_micros: [5000]", "tick_micros: 5000.0",
		"tick_micro: 5000", "TICK_MICROS: 5000", "tick-micros: 5000", "metrics_addr: '127.0.0.1'", "metrics_addr: '127.0.0.1:0'", "metrics_addr: '127.0.0.1:65536'",
		"metrics_addr: ':2147483648'", "profile: fast", "? [a]\n: b"} {
		refused(line, line)
	}
}

func (b *badRun) wrongStarts() {
	for name, args := range map[string][]string{
		"a log level of nobody": {"--log-level", "loud"}, "an unknown flag": {"--fast"}, "an argument": {"now"}, "a tick of nothing": {"--tick-micros"},
	} {
		b.command("OPS-01", "start with "+name, true, exitUsage, nil, "replica", append([]string{"start", "--dir", b.node(1)}, args...)...)
	}
	for name, args := range map[string][]string{
		"a tick of 1 µs": {"--tick-micros", "1"}, "a tick of 2^63": {"--tick-micros", "9223372036854775808"}, "a profile of nobody": {"--profile", "fast"},
		"slots over the window": {"--slots-in-flight-max", "1024"}, "a metrics port of 0": {"--metrics-addr", "127.0.0.1:0"},
	} {
		b.command("OPS-01", "start with "+name, true, exitConfig, nil, "replica", append([]string{"start", "--dir", b.node(1)}, args...)...)
	}
	b.command("OPS-01", "start of nothing", true, exitConfig, []string{"replica init"}, "replica", "start", "--dir", b.t.TempDir())
}

// wrongLines are command lines: all are refused before anything is sent.
func (b *badRun) wrongLines() {
	max128, over128 := "340282366920938463463374607431768211455", "340282366920938463463374607431768211456"
	for _, id := range []string{"0", max128, over128, "-1", "1e3", "0x10", "", " 1", "1.0", strings.Repeat("9", 5000)} {
		b.command("LED-01", fmt.Sprintf("account get %.45q", id), true, exitUsage, nil, "replica", "account", "get", "--dir", b.dir, "--", id)
	}
	pay := func(more ...string) []string {
		return append([]string{"transfer", "create", "--dir", b.dir, "--debit", "1", "--credit", "2", "--amount", "1"}, more...)
	}
	for name, args := range map[string][]string{
		"amount 2^128": pay("--amount", over128), "amount -1": pay("--amount=-1"), "amount 1.5": pay("--amount", "1.5"), "no amount": pay("--amount", ""),
		"id 0": pay("--id", "0"), "id 2^128-1": pay("--id", max128), "debit 0": pay("--debit", "0"), "credit 2^128": pay("--credit", over128),
		"pending id x": pay("--pending-id", "x"), "ledger 2^32": pay("--ledger", "4294967296"), "ledger -1": pay("--ledger=-1"), "code 65536": pay("--code", "65536"),
		"timeout 2^32": pay("--pending-timeout", "4294967296"), "a flag of nobody": pay("--flags", "pending,gold"), "output of nobody": pay("-o", "xml"), "timeout of nothing": pay("--timeout", "soon"),
	} {
		b.command("LED-01", "transfer create with "+name, true, exitUsage, nil, "replica", args...)
	}
	for _, args := range [][]string{{"dance"}, {"start"}, {"init"}, {"verify"}, {"receipt", "verify"}, {"receipt", "verify", "a", "b"}, {"account", "get"}} {
		b.command("OPS-01", "replica "+strings.Join(args, " "), true, exitUsage, nil, "replica", args...)
	}
	for _, args := range [][]string{{"dance"}, {"run"}, {"run", "--dir", b.dir, "--rate", "0"}, {"run", "--dir", b.dir, "--rate", "NaN"}, {"run", "--dir", b.dir, "--batch", "8190"},
		{"run", "--dir", b.dir, "--batch", "2147483648"}, {"run", "--dir", b.dir, "--batch", "9223372036854775808"}, {"run", "--dir", b.dir, "--accounts", "1"}, {"run", "--dir", b.dir, "--in-flight", "65"},
		{"replay", "--dir", b.dir, "--file", "x.csv", "--batch", "0"}} {
		b.command("OPS-01", "loadgen "+strings.Join(args[min(1, len(args)-1):], " "), true, exitUsage, nil, "loadgen", args...)
	}
}

// wrongCSV are files of transfers with a mistake: its line is named, and nothing
// of the file is sent.
func (b *badRun) wrongCSV() {
	const head = "id,debit_account_id,credit_account_id,amount\n"
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"nothing": {"", 1}, "a head alone": {head, 2}, "no amount": {"id,debit_account_id,credit_account_id\n1,2,3\n", 1}, "an unknown column": {"id,debit_account_id,credit_account_id,amount,colour\n", 1},
		"a column twice": {"id,id,debit_account_id,credit_account_id,amount\n", 1}, "a byte order mark": {"\ufeff" + head + "1,2,3,4\n", 1}, "too few fields": {head + "1,2,3,4\n1,2,3\n", 3},
		"too many fields": {head + "1,2,3,4,5\n", 2}, "a quote inside": {head + "5,6,7\",8\n", 2}, "a negative amount": {head + "1,2,3,-4\n", 2}, "an amount with a point": {head + "1,2,3,4.0\n", 2},
		"an amount of 2^128": {head + "1,2,3,340282366920938463463374607431768211456\n", 2}, "an amount of 5000 digits": {head + "1,2,3," + strings.Repeat("9", 5000) + "\n", 2},
		"id 0": {head + "0,2,3,4\n", 2}, "id 2^128-1": {head + "340282366920938463463374607431768211455,2,3,4\n", 2}, "an id twice": {head + "1,2,3,4\n2,2,3,4\n1,2,3,4\n", 4}, "account 0": {head + "1,0,3,4\n", 2},
		"ledger 2^32": {"id,debit_account_id,credit_account_id,amount,ledger\n1,2,3,4,4294967296\n", 2}, "code 65536": {"id,debit_account_id,credit_account_id,amount,code\n1,2,3,4,65536\n", 2},
		"timeout 2^63": {"id,debit_account_id,credit_account_id,amount,timeout\n1,2,3,4,9223372036854775808\n", 2}, "flags 65536": {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,65536\n", 2},
		"a flag of nobody": {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,pending|fast\n", 2}, "a flag twice": {"id,debit_account_id,credit_account_id,amount,flags\n1,2,3,4,pending|pending\n", 2},
		"binary": {"\x00\x01\xff\n", 1}, "a fault in the last of 5000 lines": {head + csvRows(5000) + "x,1,2,3\n", 5002},
	} {
		path := filepath.Join(b.t.TempDir(), "transfers.csv")
		b.write(path, []byte(c.text), 0o600)
		b.command("LED-01", "CSV with "+name, true, exitInput, []string{fmt.Sprintf("line %d:", c.line)}, "loadgen", "replay", "--dir", b.dir, "--file", path)
	}
	b.command("LED-01", "CSV that is not there", true, exitInput, []string{"none.csv"}, "loadgen", "replay", "--dir", b.dir, "--file", filepath.Join(b.t.TempDir(), "none.csv"))
}

func csvRows(n int) string {
	var rows strings.Builder
	for i := range n {
		fmt.Fprintf(&rows, "%d,1,2,3\n", i+10)
	}
	return rows.String()
}

// badReceipts changes a true receipt, a bit at a time and as a whole.
func (b *badRun) badReceipts() {
	path, genesis := filepath.Join(b.t.TempDir(), "receipt.json"), filepath.Join(b.dir, "genesis.yaml")
	replicaCommand(b.t, "transfer", "create", "--dir", b.dir, "--debit", "1", "--credit", "2", "--amount", "1", "--receipt", path).want(b.t, exitOK)
	b.paid++
	b.settle(0, 1, 2, 3)
	whole := b.read(path)
	replicaCommand(b.t, "receipt", "verify", "--genesis", genesis, path).want(b.t, exitOK)
	refused := func(name string, text []byte) {
		bent := filepath.Join(b.t.TempDir(), "bent.json")
		b.write(bent, text, 0o600)
		b.command("AUD-01", "receipt "+name, true, exitFailure, nil, "replica", "receipt", "verify", "--genesis", genesis, bent)
	}
	for at := 0; at < len(whole); at += len(whole)/40 + 1 {
		bent := bytes.Clone(whole)
		bent[at] ^= 1
		refused(fmt.Sprintf("with a bit of byte %d", at), bent)
	}
	refused("cut in half", whole[:len(whole)/2])
	refused("with a space behind", append(bytes.Clone(whole), ' '))
	refused("twice", append(bytes.Clone(whole), whole...))
	refused("of nothing", nil)
	refused("of null", []byte("null"))
	refused("of a list", []byte("[]"))
	refused("of a hundred thousand brackets", bytes.Repeat([]byte("["), 60_000))
	other := filepath.Join(b.t.TempDir(), "other")
	replicaCommand(b.t, "init", "--dir", other, "--clients", "1").want(b.t, exitOK)
	b.command("AUD-01", "receipt of another cluster", true, exitFailure, nil, "replica", "receipt", "verify", "--genesis", filepath.Join(other, "genesis.yaml"), path)
}

// padded makes a file of n bytes that starts with text and goes on with a
// comment, and reports whether it can.
func (b *badRun) padded(path string, text []byte, n uint64) bool {
	b.t.Helper()
	switch {
	case n > 1<<32:
		return false // no file is so long
	case n > 1<<24: // a hole, which reads as zeros
		b.write(path, text, 0o600)
		if err := os.Truncate(path, int64(n)); err != nil {
			b.t.Fatal(err)
		}
		return true
	}
	const line = 100
	out := append(bytes.Clone(text), bytes.Repeat([]byte("#"+strings.Repeat("-", line-2)+"\n"), (int(n)-len(text))/line)...)
	if rest := int(n) - len(out); rest > 0 {
		out = append(append(out, bytes.Repeat([]byte("#"), rest-1)...), '\n')
	}
	b.write(path, out[:n], 0o600)
	return true
}

// sized is a maker for the length of one file of a node.
func sized(file string, command func(dir string) (binary string, args []string)) maker {
	return func(b *badRun, n uint64, over bool) {
		dir := b.copied()
		if !b.padded(filepath.Join(dir, file), b.read(filepath.Join(dir, file)), n) {
			return
		}
		code, words := exitOK, []string(nil)
		if over {
			code, words = exitConfig, []string{file}
		}
		binary, args := command(dir)
		b.command("FRM-04", fmt.Sprintf("%s of %d bytes", file, n), over, code, words, binary, args...)
	}
}

func checkOf(dir string) (string, []string) { return "replica", []string{"check", "--dir", dir} }

// initWith is a maker for a number or a length on init's command line.
func initWith(say func(n uint64) []string) maker {
	return func(b *badRun, n uint64, over bool) {
		args := say(n)
		if args == nil {
			return
		}
		code := exitOK
		if over {
			code = exitUsage
		}
		all := append([]string{"init", "--dir", filepath.Join(b.t.TempDir(), "c"), "--clients", "1"}, args...)
		b.command("OPS-01", "init "+fmt.Sprintf("%.60s", strings.Join(args, " ")), over, code, nil, "replica", all...)
	}
}

// letters is a text of n letters, or nothing when no command line holds it.
func letters(n uint64) string {
	if n > 1<<16 {
		return ""
	}
	return strings.Repeat("x", int(n))
}

// genesisValue is a maker for one number of a genesis.
func genesisValue(match, key string) maker {
	return func(b *badRun, n uint64, over bool) {
		dir, line := b.edited("genesis.yaml", match, fmt.Sprintf("%s: %d", key, n))
		code, words := exitOK, []string(nil)
		if over {
			code, words = exitConfig, []string{line}
		}
		b.command("OPS-01", fmt.Sprintf("genesis with %s %d", key, n), over, code, words, "replica", "check", "--dir", dir)
	}
}

var fileMakers = map[string]maker{
	"cluster.GenesisBytesMax": sized("genesis.yaml", checkOf),
	"cluster.keyFileBytesMax": sized("keys.yaml", checkOf),
	"replica.readBytesMax": func(b *badRun, n uint64, over bool) {
		path := filepath.Join(b.t.TempDir(), "receipt.json")
		if !b.padded(path, []byte("{}"), n) {
			return
		}
		words := []string{"is over 65536"} // a receipt is refused by its own, smaller limit
		if over {
			words = []string{"over 4194304 bytes"}
		}
		b.command("FRM-04", fmt.Sprintf("a file of %d bytes", n), true, exitFailure, words, "replica", "receipt", "verify", "--genesis", filepath.Join(b.dir, "genesis.yaml"), path)
	},
	"client.ReceiptBytesMax": func(b *badRun, n uint64, over bool) {
		path := filepath.Join(b.t.TempDir(), "receipt.json")
		if n > 1<<20 || !b.padded(path, []byte("{}"), n) {
			return // readBytesMax is met first
		}
		words := []string{"something follows"}
		if over {
			words = []string{"is over 65536"}
		}
		b.command("FRM-04", fmt.Sprintf("a receipt of %d bytes", n), true, exitFailure, words, "replica", "receipt", "verify", "--genesis", filepath.Join(b.dir, "genesis.yaml"), path)
	},
	"loadgen.fileBytesMax": func(b *badRun, n uint64, over bool) {
		dir := b.copied()
		if !b.padded(filepath.Join(dir, "genesis.yaml"), b.read(filepath.Join(dir, "genesis.yaml")), n) {
			return
		}
		words := []string{"genesis"} // its own limit is smaller
		if over {
			words = []string{"4194304"}
		}
		b.command("FRM-04", fmt.Sprintf("a genesis of %d bytes for loadgen", n), true, exitConfig, words, "loadgen", "run", "--dir", dir)
	},
	"cluster.TimeBoundMin": genesisValue(`time_bound_nanos: \d+`, "time_bound_nanos"),
	"cluster.TimeBoundMax": genesisValue(`time_bound_nanos: \d+`, "time_bound_nanos"),
	"cluster.LedgersMax": func(b *badRun, n uint64, over bool) {
		if n > 1<<20 {
			return // GenesisBytesMax is met first
		}
		var list strings.Builder
		for i := range n {
			fmt.Fprintf(&list, "  - {number: %d, currency: 'USD', scale: 2}\n", i+1)
		}
		dir, _ := b.edited("genesis.yaml", `  - \{number: 1, .*\n  - \{number: 2, .*\n`, list.String())
		code, words := exitOK, []string(nil)
		if over {
			code, words = exitConfig, []string{"ledgers", "line "}
		}
		b.command("OPS-01", fmt.Sprintf("%d ledgers", n), over, code, words, "replica", "check", "--dir", dir)
	},
	"cluster.GenesisClientsMax": func(b *badRun, n uint64, over bool) {
		// The admin is one of them. That many key files take a minute to write,
		// so what may be is left to a number that is quick.
		if !over {
			n = 100
		}
		initWith(func(n uint64) []string { return []string{"--clients", strconv.FormatUint(n-1, 10)} })(b, n, over)
	},
	"wire.ReplicasMax": initWith(func(n uint64) []string {
		f := uint64(1)
		if n%2 == 1 {
			f = 2 // n−1−3f is to be even
		}
		return []string{"--replicas", strconv.FormatUint(n, 10), "--f", strconv.FormatUint(f, 10), "--c", strconv.FormatUint((n-1-3*f)/2, 10)}
	}),
	"wire.WindowMax": func(b *badRun, n uint64, over bool) {
		// Only powers of two are windows.
		initWith(func(n uint64) []string { return []string{"--window", strconv.FormatUint(n, 10)} })(b, n, over || n&(n-1) != 0)
	},
	"cluster.WindowMin": func(b *badRun, n uint64, over bool) {
		if n > 5 {
			return // WindowMax says those
		}
		initWith(func(n uint64) []string { return []string{"--window", strconv.FormatUint(n, 10)} })(b, n, over || n&(n-1) != 0)
	},
	"cluster.NameBytesMax": initWith(func(n uint64) []string {
		if letters(n) == "" {
			return nil
		}
		return []string{"--name", letters(n)}
	}),
	"cluster.CurrencyBytesMax": initWith(func(n uint64) []string {
		if letters(n) == "" {
			return nil
		}
		return []string{"--ledgers", "1:" + letters(n) + ":2"}
	}),
	"cluster.ScaleMax": initWith(func(n uint64) []string { return []string{"--ledgers", fmt.Sprintf("1:USD:%d", n)} }),
	"cluster.hostBytesMax": initWith(func(n uint64) []string {
		if letters(n) == "" {
			return nil
		}
		return []string{"--hosts", letters(n)}
	}),
	"replica.lookupArgsMax": func(b *badRun, n uint64, over bool) {
		if n > 1<<16 {
			return // no command line holds it
		}
		code := exitFailure // there is nobody to ask
		if over {
			code = exitUsage
		}
		args := append([]string{"account", "get", "--dir", b.dir, "--timeout", "100ms"}, strings.Fields(strings.Repeat("1 ", int(n)))...)
		b.command("RES-02", fmt.Sprintf("account get of %d ids", n), over, code, nil, "replica", args...)
	},
	"payments.decimalDigitsMax": func(b *badRun, n uint64, over bool) {
		if n > 1<<16 {
			return // no command line holds it
		}
		// 39 nines are over 2^128 too; without a cluster the rest fails to connect.
		code, isBad := exitUsage, true
		if n < 39 {
			code, isBad = exitFailure, false
		}
		b.command("LED-01", fmt.Sprintf("an amount of %d digits", n), isBad, code, nil, "replica", "transfer", "create", "--dir", b.dir, "--timeout", "100ms",
			"--debit", "1", "--credit", "2", "--amount", strings.Repeat("9", int(n)))
	},
}
