use super::super::recorded::lacks;
use super::super::recorded::releases_say;
use super::super::recorded::says;

#[test]
fn numbers_get_and_lose_units() {
    says(&[
        ("numfmt --to=iec 2048 1023 1025 -- -9100", "2.0K\n1023\n1.1K\n-8.9K\n", 0),
        ("numfmt --to=iec-i 4096; numfmt --to=si 1234567", "4.0Ki\n1.3M\n", 0),
        (
            "numfmt --from=si 4M 1.5K; numfmt --from=iec 1K; numfmt --from=auto 1Mi 1M",
            "4000000\n1500\n1024\n1048576\n1000000\n",
            0,
        ),
        ("numfmt --from=iec-i --to=iec 1Ti", "1.0T\n", 0),
        ("numfmt --to-unit=1024 6000.00; numfmt --from-unit=512 4; numfmt --from-unit=Ki 3", "5.86\n2048\n3072\n", 0),
        ("numfmt --to=si 43210000000000000000000", "44Z\n", 0),
        ("numfmt 1.22 -- -0 .5", "1.22\n0\n0.5\n", 0),
        ("numfmt --round=down --to=iec 35000000; numfmt --round=up --to=iec 35000000", "33M\n34M\n", 0),
        ("numfmt --ro=nearest --to-u=1024 -- -6000.00; numfmt --round=towards-zero --to-unit=10 19", "-5.86\n1\n", 0),
        ("numfmt --suffix=Foo 70 80Foo; numfmt --suffix=M --from=si 40MM", "70Foo\n80Foo\n40000000M\n", 0),
    ]);
}

#[test]
fn fields_and_padding_are_kept() {
    says(&[
        ("numfmt --field 2-3 --to=iec '1000 2000 3000 4000'", "1000 2.0K 3.0K 4000\n", 0),
        ("echo '  12   1000' | numfmt --field=2 --to=iec", "  12   1000\n", 0),
        ("numfmt --padding=6 5; numfmt --padding=-6 5 | tr ' ' .", "     5\n5.....\n", 0),
        (
            "numfmt --format '<%8.2f>' 1.5; numfmt --format=%06f 12; numfmt --format=%-5fx 1",
            "<    1.50>\n000012\n1    x\n",
            0,
        ),
        ("printf 'h\\n2048\\n' | numfmt --header --to=iec", "h\n2.0K\n", 0),
        ("numfmt -d: --field=2 --to=iec a:2048:c", "a:2.0K:c\n", 0),
        ("numfmt --field 3,- --to=iec '2048 2048 2048'", "2.0K 2.0K 2.0K\n", 0),
        ("printf '1K\\0002K\\000' | numfmt -z --from=iec | tr '\\0' /", "1024/2048/", 0),
    ]);
}

#[test]
fn what_is_no_number_fails() {
    says(&[
        ("numfmt 1 x 3", "1\n", 2),
        ("numfmt --invalid=fail 1 x 3", "1\nx\n3\n", 2),
        ("numfmt --invalid=ignore --field=1-2 '1 x'", "1 x\n", 0),
        ("numfmt 5K", "", 2),
        ("numfmt --from=si 12.K", "", 2),
        ("numfmt --from=iec-i 1K", "", 2),
        ("numfmt --format=%d 1", "", 1),
        ("numfmt --format=%f%f 1", "", 1),
        ("numfmt --to=auto 1", "", 1),
        ("numfmt --to=auto --to=iec 1", "", 1),
        ("numfmt --padding=0 1", "", 1),
        ("numfmt --from-unit=0 1", "", 1),
        ("numfmt 1234567890123456789012", "", 2),
    ]);
    lacks(&[
        ("numfmt --to=si 1000", "kilo"),
        ("numfmt --from=si 1k", "no coreutils"),
        ("numfmt --from=iec-i 1", "no coreutils"),
        ("numfmt --format=%%%f 1", "%%"),
        ("exec 2>/tmp/said; numfmt --debug 1", "option"),
    ]);
}

#[test]
fn releases_differ() {
    releases_say(&[
        ("9.1-1", "numfmt --to=si 1000", "1.0K\n", 0),
        ("9.7-3", "numfmt --to=si 1000", "1.0k\n", 0),
        ("9.1-1", "numfmt --from=si 1k", "", 2),
        ("9.7-3", "numfmt --from=si 1k", "1000\n", 0),
        ("9.1-1", "numfmt --from=iec-i 1", "", 2),
        ("9.7-3", "numfmt --from=iec-i 1", "1\n", 0),
        ("9.1-1", "numfmt --from=si --to=si 1R", "", 2),
        ("9.7-3", "numfmt --from=si --to=si 1R", "1.0R\n", 0),
        ("9.7-3", "printf 'aaa bbb\\n' | fmt -w 7", "aaa\nbbb\n", 0),
        ("9.10-1", "printf 'aaa bbb\\n' | fmt -w 7", "aaa bbb\n", 0),
    ]);
}
