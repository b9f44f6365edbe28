use crate::utilities::recorded::lacks;
use crate::utilities::recorded::says;

#[test]
fn texts_come_on_pages_and_in_columns() {
    says(&[
        ("seq 3 | pr -t -2", "1\t\t\t\t    3\n2\n", 0),
        ("seq 5 | pr -t -2 -a -s:", "1:2\n3:4\n5\n", 0),
        ("seq 4 | pr -t -3 -w 20 -n", "    1\t1  3   3  4   4\n    2\t2\n", 0),
        (
            "seq 3 | pr -h x -D y -l 12",
            "\n\ny                                x                                Page 1\n\n\n1\n2\n\n\n\n\n\n\n\ny                                x                                Page 2\n\n\n3\n\n\n\n\n\n\n",
            0,
        ),
        (
            "seq 6 | pr -h x -D y -l 12 +3",
            "\n\ny                                x                                Page 3\n\n\n5\n6\n\n\n\n\n\n",
            0,
        ),
        ("printf 'a\\fb\\n' | pr -t", "a\n\x0cb\n", 0),
        ("printf 'a\\fb\\n' | pr -T", "a\nb\n", 0),
        ("printf 'a\\n\\fb\\nc\\n' | pr -t -2 -l 4", "a\n\x0cb\t\t\t\t    c\n", 0),
        ("printf 'a\\tb\\001\\n' | pr -t -e4 -c", "a   b^A\n", 0),
        ("printf 'a\\tb\\001\\n' | pr -t -v", "a\tb\\001\n", 0),
        ("printf 'a       b\\n' | pr -t -i", "a\tb\n", 0),
        ("seq 3 > f3; seq 9 10 > f2; pr -t -m -S' | ' f3 f2", "1\t\t\t\t   | 9\n2\t\t\t\t   | 10\n3\t\t\t\t   | \n", 0),
        ("seq 3 > f3; seq 9 10 > f2; pr -t -m -n -w 30 f2 f3", "    1\t9\t   1\n    2\t10\t   2\n    3\t\t   3\n", 0),
        ("seq 9 12 | pr -t -n:2 -N 99", "99:9\n00:10\n01:11\n02:12\n", 0),
        ("seq 2 | pr -t -o 4 -d", "    1\n\n    2\n\n", 0),
        ("seq 3 | pr -t -J -3 -S,", "1,2,3\n", 0),
        ("printf 'long line\\n' | pr -t -W 4", "long\n", 0),
        ("seq 6 > f3; { pr -t +1:1 -l 3; cat; } < f3", "1\n2\n3\n4\n5\n6\n", 0),
        ("pr -t nosuch", "", 1),
        ("pr -t -m -2 f2 f3", "", 1),
        ("seq 2 | pr -t -20", "1  2\n", 0),
        ("seq 3 | pr -t +0x", "", 1),
        ("seq 3 | pr -t -l 0", "", 1),
        ("seq 3 | pr -t -2 -s -3", "1\t2\t3\n", 0),
    ]);
    lacks(&[
        ("pr -t -l1 -d", "where a page has one"),
        ("pr -t --pages=1 +2", "--pages"),
        ("pr -n5000 -t", "so wide"),
        ("mkdir d; pr d", "a directory"),
    ]);
}
