#!/bin/bash
# check.sh - peer2view check: right files, and every error with its file and its line.
. "$P2V_SRCDIR/tests/tap.sh" || exit 99
p2v=$P2V_BUILDDIR/peer2view
export P2V_PLUGIN_PATH=$P2V_BUILDDIR/tests/abi/plugins/.libs
cd "$work" || exit 1

agent='[plugins]
select = fixture
cc = fixture
cache = fixture
player = fixture'
tracker='[peer2view]
role = tracker
[plugins]
cc = spare
registry = fixture
[authority]
directory = x'

channel='[channel a]
mount = /a
origin = http://cdn.example/'
"$p2v" authority init x >/dev/null

# right NAME TEXT PATTERN
right() {
  printf '%b' "$2" >t.ini
  run "$p2v" check t.ini
  expect "$1" 0 "$3" ""
}

# wrong NAME TEXT PATTERN: of the one line on stderr, without "peer2view: ".
wrong() {
  printf '%b' "$2" >t.ini
  run "$p2v" check t.ini
  expect "$1" 1 "" "peer2view: $3"
  case $err in
    *$'\n'*) not_ok "$1: one line" "$err" ;;
  esac
}

right "an agent" "$agent\n$channel\n" "t.ini: right: role agent, plugins manifest.fixture select.fixture cc.fixture cache.fixture player.fixture"
right "a tracker" "$tracker\n" "t.ini: right: role tracker, plugins cc.spare registry.fixture"
right "a plugin's options" "$agent\n[cc.fixture]\nwindow = 64k\nhold=1s ; enough\nnotes = a\nnotes = b\n$channel\n" "*right*"
right "blanks, comments, CRLF and a byte order mark" "\xef\xbb\xbf# x\r\n\r\n${agent//$'\n'/\\r\\n}\r\n  [ cc.fixture ] \r\n\t window=64k\r\n$channel\n" "*right*"
right "a section of a plugin that is not chosen" "$tracker\n[cc.fixture]\nwindow = 64k\n" "*right*"

# What shows only when the node is put together.
wrong "nothing to serve" "$agent\n" "t.ini: there is no \[channel NAME\] and no open_hosts: *"
wrong "an origin that is none" "$agent\n${channel/http:/ftp:}\n" "t.ini:8: \[channel a\] origin: 'ftp://cdn.example/' is no http or https URL"
wrong "a player that is not loaded" "$agent\n$channel\nplayer = nobody\n" "t.ini:9: \[channel a\] player: 'nobody' is none of those that \[plugins\] player names"
right "a player that is" "$agent\n$channel\nplayer = fixture\n" "*right*"
wrong "a mount twice" "$agent\n$channel\n${channel/ a\]/ b]}\n" "t.ini:10: \[channel b\] mount: channel a is mounted at /a already"
wrong "a port that is none" "$agent\n$channel\n[gateway]\nlisten = 127.0.0.1:http\n" "t.ini:10: \[gateway\] listen: 'http' *"
wrong "a tracker, and nobody to believe" "$agent\n$channel\n[overlay]\ntracker = 127.0.0.1:1\n" "t.ini: \[identity\] authority: is needed with a tracker: *"
wrong "an authority that is not there" "$agent\n$channel\n[identity]\nauthority = none.pem\n" "t.ini:10: \[identity\] authority: none.pem: cannot be opened: *"
wrong "an authority that is none" "$agent\n$channel\n[identity]\nauthority = x/ca.key\n" "t.ini:10: \[identity\] authority: x/ca.key: *"
wrong "a tracker without its authority" "${tracker/directory = x/directory = y}\n" "t.ini:7: \[authority\] directory: y/ca.pem: cannot be opened: *"
right "a folder for keys" "$agent\n$channel\n[identity]\ndirectory = $work/keys\n" "*right*"
if [ -e "$work/keys" ]; then not_ok "is not made by a check"; else ok "is not made by a check"; fi

wrong "an unknown section" "$agent\n[peer2veiw]\n" "t.ini:6: there is no section \[peer2veiw\]; did you mean \[peer2view\]?"
wrong "an unknown key" "$agent\ncach = x\n" "t.ini:6: \[plugins\] has no key 'cach'; did you mean 'cache'?"
wrong "an unknown key of a plugin" "$agent\n[cc.fixture]\nwindo = 1\n" "t.ini:7: \[cc.fixture\] has no key 'windo'; did you mean 'window'?"
wrong "an unknown plugin" "${agent/cc = fixture/cc = fixtrue}\n" "t.ini:3: there is no plugin cc.fixtrue in *; did you mean fixture?"
wrong "a section of an unknown plugin" "$agent\n[cc.fixtrue]\n" "t.ini:6: there is no plugin cc.fixtrue in *; did you mean fixture?"
wrong "a wrong word" "[peer2view]\nlog_level = loud\n" "t.ini:2: log_level: 'loud' is not one of error, warn, info, debug"
wrong "a wrong type" "$agent\n[cc.fixture]\nwindow = wide\n" "t.ini:7: window: 'wide' is not a whole number *"
wrong "above the range" "$agent\n[cc.fixture]\nwindow = 2M\n" "t.ini:7: window: 2M is above the range 1200 to 1000000"
wrong "below the range" "$agent\n[cc.fixture]\nwindow = 12\n" "t.ini:7: window: 12 is below the range 1200 to 1000000"
wrong "too long a text" "$agent\n[cc.fixture]\nlabel = 123456789012345678901\n" "t.ini:7: label: a text of 21 bytes, 0 to 20 are allowed"
wrong "options that do not go together" "$agent\n[cc.fixture]\nlimit = 1k\n" "t.ini:6: \[cc.fixture\]: window 12000 is above limit 1000"
wrong "a key that stands twice" "$agent\ncc = spare\n" "t.ini:6: key 'cc' stands in line 3 already"
wrong "a section that stands twice" "$agent\n[plugins]\n" "t.ini:6: section \[plugins\] stands in line 1 already"
wrong "a line that is too long" "$agent\n[cc.fixture]\nlabel = $(printf '%0400d' 0)\n" "t.ini:7: a line of 408 bytes, at most * are taken"
wrong "a line without =" "$agent\ncc\n" "t.ini:6: '=' is missing: *"
wrong "a key before the first section" "cc = x\n" "t.ini:1: key 'cc' stands before the first \[SECTION\]"
wrong "a section that is not closed" "[plugins\n" "t.ini:1: '\]' is missing *"
wrong "a NUL byte" "$agent\n\0\n" "t.ini:6: a control character, byte 0x00"
wrong "bytes that are not UTF-8" "$agent\n# \xe9\n" "t.ini:6: byte 0xe9 is not UTF-8"
wrong "a section for the other role" "$tracker\n[select.fixture]\n" "t.ini:8: \[select.fixture\] is for the role agent, but this file's role is tracker"
wrong "a key for the other role" "${tracker/cc = spare/select = fixture}\n" "t.ini:4: select is for the role agent, but this file's role is tracker"
wrong "a key that must be given" "${tracker/directory = x/}\n" "t.ini:6: \[authority\] lacks the key 'directory'"
wrong "a section that must be there" "${tracker/\[authority*/}\n" "t.ini: section \[authority\] with the key 'directory' is missing"
wrong "several plugins where one is taken" "${agent/cc = fixture/cc = fixture, spare}\n" "t.ini:3: cc takes one plugin, not 'fixture, spare'"
wrong "a plugin twice" "$agent\nmanifest = fixture, fixture\n" "t.ini:6: manifest: 'fixture' stands twice"
wrong "a folder of plugins that is not there" "[peer2view]\nplugin_path = /no/where\n" "t.ini: plugin_path: there is no folder /no/where"

run "$p2v" check missing.ini
expect "a missing file" 1 "" "peer2view: missing.ini: cannot be opened: No such file or directory"
mkdir folder
run "$p2v" check folder
expect "a folder" 1 "" "peer2view: folder: is a folder, not a file"
run "$p2v" check /proc/self/mem
expect "a file that cannot be read" 1 "" "peer2view: /proc/self/mem: cannot be read: *"

# plugin_path stands before all else.
mkdir mine
cp "$P2V_PLUGIN_PATH"/*.so mine/
printf '[peer2view]\nplugin_path = mine\n%s\n%s\n' "$agent" "$channel" >t.ini
P2V_PLUGIN_PATH='' run "$p2v" check t.ini
expect "plugin_path" 0 "*right*" ""
end
