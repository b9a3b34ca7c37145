# Makes a program's completions from what it prints for --help, so that they cannot say anything else:
#   rollstatd --help | awk -v program=rollstatd -v shell=bash -f complete.awk      or shell=zsh, shell=fish
# Of --help it takes the options, whether they have a value and which, what they are for, and the commands. It ends with 1
# where it finds no option, as then the text is not what it was made for.

# An option:   "  -c, --config FILE         the configuration, see rollstat.yaml(5)"
/^  (    |-[A-Za-z0-9], )--[a-z]/ {
    n++
    line = substr($0, 3)
    if (line ~ /^-/) {
        short[n] = substr(line, 2, 1)
    }
    sub(/^[^-]*(-[A-Za-z0-9], )?--/, "", line)
    match(line, /^[a-z-]+/)
    name[n] = substr(line, 1, RLENGTH)
    line = substr(line, RLENGTH + 1)
    if (line ~ /^ [^ ]/) { # its value, and two blanks or the end of the line
        line = substr(line, 2)
        end = match(line, /  /) ? RSTART - 1 : length(line)
        value[n] = substr(line, 1, end)
        line = substr(line, end + 1)
    }
    sub(/^ +/, "", line)
    text[n] = line
    in_option = 1
    next
}
in_option && /^          +[^ ]/ { # its text goes on
    line = $0
    sub(/^ +/, "", line)
    text[n] = text[n] (text[n] == "" ? "" : " ") line
    next
}
{ in_option = 0 }
# A command:   "  list    a line for each letter"
/^  [a-z]+ / { commands = commands (commands == "" ? "" : " ") $1 }

# "error, warning, info or debug; overrides the configuration": the words before the first semicolon or bracket, if it is
# a list. What stands for something, as the ID of confluent:ID, is left to the user.
function words_of(text,    list, count, i, parts, out) {
    list = text
    sub(/[;(].*$/, "", list)
    sub(/ +$/, "", list)
    if (list !~ /^[a-z]+(-[a-z]+)*(:[A-Z]+)?(, [a-z]+(-[a-z]+)*(:[A-Z]+)?)*,? or [a-z]+(-[a-z]+)*(:[A-Z]+)?$/) {
        return ""
    }
    count = split(list, parts, /,? or |, /)
    for (i = 1; i <= count; i++) {
        sub(/:[A-Z]+$/, ":", parts[i])
        out = out (i > 1 ? " " : "") parts[i]
    }
    return out
}

# What can be completed: "files", "directories", "words ...", or "" for a value that only the user knows.
function kind_of(i,    words) {
    if (value[i] == "FILE") {
        return "files"
    }
    if (value[i] == "DIR") {
        return "directories"
    }
    words = words_of(text[i])
    return words == "" ? "" : "words " words
}

# In a few words: up to the first semicolon, bracket or end of a sentence.
function brief(i,    out) {
    out = text[i]
    sub(/(;|\. | \().*$/, "", out)
    sub(/[.:]$/, "", out)
    return out
}

function all_of(i) { return (short[i] == "" ? "" : "-" short[i] " ") "--" name[i] }

function bash(    function_name, i, kind, options, cases, pattern) {
    function_name = "_" program
    gsub(/-/, "_", function_name)
    for (i = 1; i <= n; i++) {
        options = options (i > 1 ? " " : "") all_of(i)
        if (value[i] != "") {
            pattern = all_of(i)
            sub(/ /, " | ", pattern)
            kind = kind_of(i)
            if (kind == "files") {
                kind = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
            } else if (kind == "directories") {
                kind = "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$word\")"
            } else if (kind != "") {
                kind = "mapfile -t COMPREPLY < <(compgen -W '" substr(kind, 7) "' -- \"$word\")"
            }
            cases = cases "    " pattern ") " kind (kind == "" ? "" : "; ") "return ;;\n"
        }
    }
    print "# bash completion for " program ", made from its --help"
    print function_name "()"
    print "{"
    print "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}"
    print "    COMPREPLY=()"
    print "    case $before in"
    printf "%s", cases
    print "    esac"
    print "    if [[ $word = -* ]]; then"
    print "        mapfile -t COMPREPLY < <(compgen -W '" options "' -- \"$word\")"
    print "    else"
    print "        compopt -o filenames"
    if (commands == "") {
        print "        mapfile -t COMPREPLY < <(compgen -f -- \"$word\")"
    } else {
        print "        mapfile -t COMPREPLY < <(compgen -W '" commands "' -- \"$word\"; compgen -f -- \"$word\")"
    }
    print "    fi"
    print "}"
    print "complete -F " function_name " " program
}

function in_quotes(text) {
    gsub(/'/, "'\\''", text)
    return text
}

function zsh(    i, kind, spec, said) {
    print "#compdef " program
    print "# made from its --help"
    printf "_arguments -S"
    for (i = 1; i <= n; i++) {
        said = brief(i)
        gsub(/\[|\]|:|\\/, "\\\\&", said)
        spec = "[" in_quotes(said) "]"
        if (value[i] != "") {
            kind = value[i]
            gsub(/\[|\]|:|\\/, "\\\\&", kind)
            spec = spec ":" kind ":"
            kind = kind_of(i)
            if (kind == "files") {
                spec = spec "_files"
            } else if (kind == "directories") {
                spec = spec "_directories"
            } else if (kind != "") {
                kind = substr(kind, 7)
                gsub(/:/, "\\:", kind)
                spec = spec "(" kind ")"
            }
        }
        if (short[i] != "") {
            printf " \\\n    '*-%s%s'", short[i], spec
        }
        printf " \\\n    '*--%s%s%s'", name[i], value[i] == "" ? "" : "=", spec
    }
    if (commands != "") {
        printf " \\\n    '1:command:(%s)'", commands
    }
    print " \\\n    '*:file:_files'"
}

function fish(    i, kind, line) {
    print "# fish completion for " program ", made from its --help"
    for (i = 1; i <= n; i++) {
        line = "complete -c " program (short[i] == "" ? "" : " -s " short[i]) " -l " name[i]
        if (value[i] != "") {
            kind = kind_of(i)
            if (kind == "files") {
                line = line " -r -F"
            } else if (kind == "directories") {
                line = line " -x -a '(__fish_complete_directories)'"
            } else if (kind != "") {
                line = line " -x -a '" substr(kind, 7) "'"
            } else {
                line = line " -x"
            }
        }
        kind = brief(i)
        gsub(/['\\]/, "\\\\&", kind)
        print line " -d '" kind "'"
    }
    if (commands != "") {
        print "complete -c " program " -n __fish_use_subcommand -a '" commands "'"
    }
}

END {
    if (n == 0) {
        print "complete.awk: no option in the --help of " program > "/dev/stderr"
        exit 1
    }
    if (shell == "bash") {
        bash()
    } else if (shell == "zsh") {
        zsh()
    } else {
        fish()
    }
}
