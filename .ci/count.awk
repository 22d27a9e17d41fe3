# Reads go test -json. Writes to standard error what failed with its output, and
# at the end to standard output: N passed, N failed.
# A package that fails without a failing test (it does not build, it panics, it
# runs out of time) counts as one failure.

# field gives the text of one string field, without JSON's escapes.
function field(name,    text) {
    if (!match($0, "\"" name "\":\"([^\"\\\\]|\\\\.)*\"")) return ""
    text = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 5)
    gsub(/\\n/, "\n", text)
    gsub(/\\t/, "\t", text)
    gsub(/\\u003c/, "<", text)
    gsub(/\\u003e/, ">", text)
    gsub(/\\u0026/, "\\&", text)
    gsub(/\\"/, "\"", text)
    gsub(/\\\\/, "\\", text)
    return text
}

{
    action = field("Action"); pkg = field("Package"); test = field("Test")
    if (pkg == "") pkg = field("ImportPath")
    key = pkg " " test
}
action == "output" || action == "build-output" { out[key] = out[key] field("Output") }
action == "pass" && test != "" { passed++; delete out[key] }
action == "skip" && test != "" { delete out[key] }
action == "build-fail" { printf "%s", out[key] > "/dev/stderr"; delete out[key] }
action == "fail" && test != "" {
    failed++; failures[pkg]++
    printf "%s", out[key] > "/dev/stderr"
}
action == "fail" && test == "" {
    if (!failures[pkg]) failed++
    printf "%s", out[key] > "/dev/stderr"
}
END { printf "%d passed, %d failed\n", passed, failed }
