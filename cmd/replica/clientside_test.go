package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quorate/client/clienttest"
	"quorate/cluster"
	"quorate/cmd/replica/shown"
	"quorate/wire"
)

// Aim: the commands that speak to a cluster as a client say what is there, what
// is proven and what is not known, with the right exit codes.
// Method: the command line in this process against clienttest's cluster.

// clusterFiles writes what the commands read and gives the directory.
func clusterFiles(t *testing.T, c *clienttest.Cluster) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, clientsDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(filepath.Join(dir, genesisFile), c.Genesis.YAML(), publicMode); err != nil {
		t.Fatal(err)
	}
	for i := range c.Files {
		if err := writeFile(clientFile(dir, c.Files[i].Name), c.Files[i].YAML(), secretMode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// command runs one command line in this process. Its stderr holds all that was
// printed, so that result.want looks at both.
func command(args ...string) result {
	var stdout, stderr bytes.Buffer
	code := execute(args, &stdout, &stderr)
	return result{code, stdout.String(), stdout.String() + stderr.String()}
}

func TestAccountsAndTransfers(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterFiles(t, c)
	file := filepath.Join(dir, "receipt.json")
	command("account", "create", "1", "--dir", dir, "--flags", "history").want(t, exitOK, "account 1: ok in block")
	command("account", "create", "2", "--dir", dir, "--client", "load-01").want(t, exitOK, "account 2: ok")
	command("account", "create", "2", "--dir", dir).want(t, exitOK, "account 2: exists")
	command("account", "create", "2", "--dir", dir, "--code", "9").want(t, exitFailure, "exists_with_different_code")
	pay := []string{"transfer", "create", "--dir", dir, "--id", "77", "--debit", "1", "--credit", "2", "--amount", "250"}
	command(append(pay, "--receipt", file)...).want(t, exitOK, "transfer 77: ok in block")
	command(pay...).want(t, exitOK, "transfer 77: exists")
	command(append(pay, "--receipt", file)...).want(t, exitFailure, "receipt could not be written")
	command("transfer", "create", "--dir", dir, "--debit", "1", "--credit", "404", "--amount", "1").want(t, exitFailure, "credit_account_not_found")
	command("transfer", "create", "--dir", dir, "--debit", "1", "--credit", "2", "--amount", "1").want(t, exitOK, ": ok in block")
	command("account", "get", "1", "2", "--dir", dir).want(t, exitOK, "251", "history", "CREDITS-POSTED")
	command("account", "get", "1", "3", "--dir", dir).want(t, exitFailure, "1 of 2 accounts do not exist")
	command("transfer", "get", "77", "--dir", dir).want(t, exitOK, "250", "EXECUTED")

	var accounts []shown.Account
	decode(t, command("account", "get", "2", "--dir", dir, "-o", "json").stdout, &accounts)
	if len(accounts) != 1 || accounts[0].CreditsPosted != "251" || accounts[0].DebitsPosted != "0" {
		t.Errorf("accounts %+v", accounts)
	}
	var transfers []shown.Transfer
	decode(t, command("transfer", "get", "77", "--dir", dir, "-o", "json").stdout, &transfers)
	if len(transfers) != 1 || transfers[0].Amount != "250" || transfers[0].DebitAccountID != "1" {
		t.Errorf("transfers %+v", transfers)
	}
	checkReceiptCommand(t, dir, file)
}

// checkReceiptCommand verifies the receipt of transfer 77 and damaged forms.
func checkReceiptCommand(t *testing.T, dir, file string) {
	t.Helper()
	genesis := filepath.Join(dir, genesisFile)
	verify := func(path string) result { return command("receipt", "verify", "--genesis", genesis, path) }
	verify(file).want(t, exitOK, "valid: transfer 77 (250 of ledger 1 from 1 to 2): ok at ")
	var v verdict
	decode(t, command("receipt", "verify", "--genesis", genesis, file, "-o", "json").stdout, &v)
	if !v.Valid || v.ID != "77" || v.Result != "ok" || v.Event != "transfer" {
		t.Errorf("verdict %+v", v)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	forged := filepath.Join(dir, "forged.json")
	if err := os.WriteFile(forged, bytes.Replace(text, []byte(`"amount": "250"`), []byte(`"amount": "950"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	verify(forged).want(t, exitFailure, "receipt is not valid")
	verify(filepath.Join(dir, "none.json")).want(t, exitFailure, "none.json")
	command("receipt", "verify", "--genesis", file, file).want(t, exitConfig, "receipt.json")
	other := filepath.Join(clusterFiles(t, clienttest.New(t, 1)), genesisFile)
	command("receipt", "verify", "--genesis", other, file).want(t, exitFailure, "it is of cluster")
}

// TestPayers: a key's account is opened and debited by nobody else, and the
// receipt of a signed payment is like any other.
func TestPayers(t *testing.T) {
	c := clienttest.New(t, 2)
	dir := clusterFiles(t, c)
	alice, bob := filepath.Join(dir, "alice.pem"), filepath.Join(dir, "bob.pem")
	var shown [2]payerShown
	for i, path := range []string{alice, bob} {
		command("payer", "create", path).want(t, exitOK, "account ", " of key ")
		decode(t, command("payer", "show", path, "-o", "json").stdout, &shown[i])
		command("account", "create", shown[i].Account, "--dir", dir, "--flags", "debits_must_be_signed").want(t, exitOK, "ok in block")
	}
	command("payer", "create", alice).want(t, exitFailure, "exists")
	file := filepath.Join(dir, "receipt.json")
	pay := []string{"transfer", "create", "--dir", dir, "--id", "9", "--credit", shown[1].Account, "--amount", "30"}
	command(append(pay, "--debit", shown[0].Account)...).want(t, exitFailure, "signature_required")
	command(append(pay, "--debit", shown[0].Account, "--signer", bob)...).want(t, exitFailure, "signer_not_owner")
	command(append(pay, "--signer", alice, "--receipt", file)...).want(t, exitOK, "transfer 9: ok in block")
	command(append(pay, "--signer", alice)...).want(t, exitOK, "transfer 9: exists")
	command(pay...).want(t, exitUsage, "debit")
	command("account", "get", shown[1].Account, "--dir", dir).want(t, exitOK, "30", "debits_must_be_signed")
	command("receipt", "verify", "--genesis", filepath.Join(dir, genesisFile), file).want(t, exitOK, "valid: transfer 9 (30 of ledger 1 from "+shown[0].Account)

	for name, text := range map[string]string{"empty": "", "genesis": string(c.Genesis.YAML()),
		"public": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n",
		"x25519": "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VuBCIEIHcHbQpzGKV9PBbBclGyZkXfTC+H68CZKrF3+6UduSwq\n-----END PRIVATE KEY-----\n",
		"broken": "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"} {
		path := filepath.Join(dir, name+".pem")
		if err := writeFile(path, []byte(text), secretMode); err != nil {
			t.Fatal(err)
		}
		command("payer", "show", path).want(t, exitConfig, "not an Ed25519 private key in PEM")
		command(append(pay, "--signer", path)...).want(t, exitConfig, "not an Ed25519 private key in PEM")
	}
	if err := os.Chmod(alice, 0o644); err != nil {
		t.Fatal(err)
	}
	command("payer", "show", alice).want(t, exitConfig, "mode 0644")
}

func TestStatus(t *testing.T) {
	c := clienttest.New(t, 1)
	dir := clusterFiles(t, c)
	c.SetView(2)
	command("status", "--dir", dir, "--wait", "all").want(t, exitOK, "REPLICA", "FSYNC-P99", "CERT-EXPIRY", "primary", "backup")
	var all []standingShown
	decode(t, command("status", "--dir", dir, "-o", "json").stdout, &all)
	if len(all) != clienttest.Replicas || all[2].Role != "primary" || all[1].Role != "backup" || all[0].View != 2 {
		t.Errorf("status %+v", all)
	}
	c.Kill(0)
	command("status", "--dir", dir, "--wait", "ready").want(t, exitOK, "down", "replica 0: ")
	command("status", "--dir", dir, "--wait", "all", "--timeout", "500ms").want(t, exitFailure, "3 of 4 replicas are up, and 4 are needed")
	command("status", "--dir", dir, "--wait", "forever").want(t, exitUsage, "--wait")
	c.Diverge(3)
	command("status", "--dir", dir).want(t, exitFailure, "FORK", "different states")
}

func TestJudgeStandings(t *testing.T) {
	at := func(r wire.ReplicaID, seq wire.SeqNum, digest byte) standing {
		return standing{Replica: r, Status: &wire.NodeStatus{Replica: r, Active: true, Executed: seq, Execute: wire.Digest{digest}, PeersUp: 4}}
	}
	all := []standing{at(0, 9, 1), at(1, 7, 2), {Replica: 2, Error: "gone"}, at(3, 9, 1)}
	all[3].Status.Active = false
	judgeStandings(all)
	for i, want := range []string{"primary", "backup", "down", "changing"} {
		if all[i].Role != want || all[i].Fork {
			t.Errorf("replica %d is %s, fork %v; want %s", i, all[i].Role, all[i].Fork, want)
		}
	}
	if all[1].Lag != 2 || all[0].Lag != 0 {
		t.Errorf("lags %d and %d", all[0].Lag, all[1].Lag)
	}
	q, err := cluster.NewQuorums(4, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	if missing := missingFor(waitReady, q, all); !strings.Contains(missing, "2 of 4") {
		t.Errorf("two replicas of four are ready: %q", missing)
	}
	all[3].Status.Active = true
	if missing := missingFor(waitReady, q, all); missing != "" {
		t.Errorf("three of four: %q", missing)
	}
	if missing := missingFor(waitNone, q, nil); missing != "" {
		t.Errorf("no wait waits: %q", missing)
	}
}

// TestUnknownOutcomeHasItsOwnCode withholds every answer to a transfer.
func TestUnknownOutcomeHasItsOwnCode(t *testing.T) {
	c := clienttest.New(t, 1)
	dir := clusterFiles(t, c)
	c.SetIntercept(func(_ wire.ReplicaID, q *wire.Request) (wire.Kind, []byte) {
		if q.Op == wire.OpCreateTransfers {
			return wire.KindPing, nil
		}
		return 0, nil
	})
	command("transfer", "create", "--dir", dir, "--debit", "1", "--credit", "2", "--amount", "1", "--timeout", "700ms").
		want(t, exitUnknown, "outcome unknown", "it may have been executed")
	for r := range clienttest.Replicas {
		c.Kill(wire.ReplicaID(r))
	}
	command("account", "get", "1", "--dir", dir, "--timeout", "300ms").want(t, exitFailure, "replica status")
}

func TestClientSideMistakes(t *testing.T) {
	c := clienttest.New(t, 1)
	dir := clusterFiles(t, c)
	for _, x := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"account", "get", "--dir", dir}, exitUsage, "arg"},
		{[]string{"account", "get", "0", "--dir", dir}, exitUsage, "is no id"},
		{[]string{"account", "get", "340282366920938463463374607431768211455", "--dir", dir}, exitUsage, "is no id"},
		{[]string{"account", "get", "1e3", "--dir", dir}, exitUsage, "is no id"},
		{[]string{"account", "create", "1", "--flags", "gold", "--dir", dir}, exitUsage, "gold"},
		{[]string{"account", "get", "1", "--dir", t.TempDir()}, exitConfig, "replica init"},
		{[]string{"account", "get", "1", "--dir", dir, "--client", "nobody"}, exitConfig, "--client"},
		{[]string{"transfer", "create", "--dir", dir, "--debit", "1"}, exitUsage, "required"},
		{[]string{"transfer", "create", "--dir", dir, "--debit", "1", "--credit", "2", "--amount", "-1"}, exitUsage, "--amount"},
		{[]string{"transfer", "create", "--dir", dir, "--debit", "1", "--credit", "2", "--amount", "1", "--pending-id", "x"}, exitUsage, "--pending-id"},
		{[]string{"transfer", "create", "--dir", dir, "--debit", "1", "--credit", "2", "--amount", "1", "--flags", "fast"}, exitUsage, "fast"},
		{[]string{"receipt", "verify"}, exitUsage, "arg"},
	} {
		if r := command(x.args...); r.code != x.code || !strings.Contains(r.stderr, x.says) {
			t.Errorf("%v: exit %d, want %d; %q, want %q in it", x.args, r.code, x.code, r.stderr, x.says)
		}
	}
}

func TestFlagNames(t *testing.T) {
	for _, f := range transferFlags {
		bits, err := parseFlagNames(transferFlags, flagNames(transferFlags, f.bit))
		if err != nil || bits != f.bit {
			t.Errorf("flag %s: %d, %v", f.name, bits, err)
		}
	}
	if id, again := randomID(), randomID(); id == again || id.IsZero() || id.IsMax() {
		t.Errorf("ids %s and %s", id, again)
	}
	if got, want := shown.Stamp(1_500_000_001), "1970-01-01T00:00:01.500000001Z"; got != want {
		t.Errorf("stamp %s, want %s", got, want)
	}
	if b, err := json.Marshal(shown.Account{}); err != nil || !strings.Contains(string(b), `"user_data_64":"0"`) {
		t.Errorf("%s, %v", b, err)
	}
}
