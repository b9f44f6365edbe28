//! What other projects' suites have shown: calls that were once answered in another way than by the real tools.

use super::recorded::lacks;
use super::recorded::says;

#[test]
fn files_that_are_not_there() {
    says(&[
        ("echo a >f; cmp -s f no 2>&1; echo $?; mkdir d; cmp -s no d 2>&1; echo $?", "2\n2\n", 0),
        ("tac no 2>e; cat e", "tac: failed to open 'no' for reading: No such file or directory\n", 0),
        (
            "head no 2>e; tail no 2>>e; cat e | cut -d: -f2",
            " cannot open 'no' for reading\n cannot open 'no' for reading\n",
            0,
        ),
        ("rev no 2>e; cat e", "rev: cannot open no: No such file or directory\n", 0),
        ("realpath --relative-to=no/such .; echo $?; realpath -m --relative-to=no/such .", "1\n../..\n", 0),
        ("echo $(mktemp -u /no/such.XXX | cut -c1-9)", "/no/such.\n", 0),
        ("x=$(mktemp /no/such.XXX); echo $?", "1\n", 0),
    ]);
}

#[test]
fn numbers_and_sizes() {
    says(&[
        ("echo abcdef | dd count=' 2' bs=1; echo; echo abcdef | dd count=+2 bs=1", "ab\nab", 0),
        ("echo abcdef | dd count='2 ' bs=1; echo $?", "1\n", 0),
        ("seq -f \"%'.2f\" 1 2", "1.00\n2.00\n", 0),
        ("echo a b c | xargs -s 7; echo $?", "a\nb\nc\n0\n", 0),
        ("xargs -s 4 </dev/null; echo $?", "1\n", 0),
    ]);
    lacks(&[
        ("echo a >f; dd if=f of=f", "read and written at once"),
        ("echo a >f; ln f g; dd if=f of=g", "read and written at once"),
        ("echo a | dd conv=fsync", "may be no file"),
        ("find . -printf 'a\\cb'", "in a format"),
        ("echo a | mawk '/a()/'", "an empty group"),
    ]);
}

#[test]
fn sizes_on_a_disk() {
    says(&[("echo abc >f; du -b f no; echo $?; du -sb f", "4\tf\n1\n4\tf\n", 0)]);
    lacks(&[("du -sk .", "on a disk"), ("du", "on a disk"), ("mkdir d; du -sb d", "on a disk")]);
}

#[test]
fn directories() {
    says(&[
        (
            "mkdir d; echo three >d/f; grep -r three d/f; grep -r three d; grep -rH three d/f",
            "three\nd/f:three\nd/f:three\n",
            0,
        ),
        ("mkdir -p /t/a/b; rmdir -p /t/a/b; echo $?; ls -d /t", "1\n", 2),
        ("mkdir -p t/a; rmdir -p t/a; echo $?", "0\n", 0),
    ]);
}
