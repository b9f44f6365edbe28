# Makes a root with what lines of tmpfiles.d can meet, and such lines.
rm -rf /var/log/* /var/lib/private /var/cache/private /var/lib/systemd /srv /home /etc/mtab /run/*
: > /etc/machine-id
mkdir /var/log/journal
mkdir -p /srv/t /srv/t/src/sub /srv/t/z/deep /srv/t/glob /usr/share/factory/srv/t
cd /srv/t; echo a > src/a; chmod 640 src/a; chown man:mail src/a; ln -s a src/l; echo b > src/sub/b; chmod 700 src/sub
echo x > z/f; chmod 755 z/f; echo y > z/deep/g; chmod 600 z/deep/g; ln -s f z/ln
for f in one two .hid; do echo $f > glob/$f; done; mkdir glob/dir; chmod 500 glob/dir
echo old > file; chmod 4755 file; mkdir full; echo k > full/k; mkdir empty; ln -s src slink; ln -s file flink
echo fac > /usr/share/factory/srv/t/fac; mkdir rem rem/a; echo > rem/b; echo > r1; mkdir rd; mkdir rdf; echo > rdf/x
mkdir tr; echo > tr/x; mkdir sg; chmod 2775 sg; chgrp mail sg; echo p > aclf; chmod 640 aclf; mkdir acld; mkdir acld/sub; echo > acld/sub/f; chmod 755 acld/sub/f; echo w > wf; echo w > wf2
mkdir e1 e2; mkfifo pip; echo > notpip; echo > notd; echo > notl; mkdir notl2; echo > notl2/x; ln -s wrong lw; ln -s wrong lw2; ln -s wrong lw3
cat > /etc/tmpfiles.d/t.conf <<'CONF'
d /srv/t/d1
d /srv/t/d2 2750 man mail 10d
d /srv/t/d2/d3/d4 :0700 :man :mail
d /srv/t/z ~0770 - mail
d /srv/t/empty :0700 :man -
D /srv/t/tr 0755
v /srv/t/v1
q /srv/t/q1 1777
Q /srv/t/q2 - - mail
d /srv/t/sg/in
f /srv/t/sg/inf 0600 - - - text
f /srv/t/f1
f /srv/t/f2 0600 man mail - hello\nworld\x41
f /srv/t/file 0640
f+ /srv/t/f3 - - - - new
f+ /srv/t/wf - - - - replaced %C %% %o
F /srv/t/wf3 - - - - legacy
w /srv/t/wf2 - - - - short
w+ /srv/t/glob/t* - man - - more\n
w /srv/t/nowhere - - - - nothing
w /srv/t/flink - - - - through
e /srv/t/e* 0711 man
e /srv/t/notd 0711
p /srv/t/p1
p /srv/t/p2 0600 man
p /srv/t/notpip
p+ /srv/t/pip 0622
L /srv/t/l1 - - - - /nowhere
L /srv/t/l2 - man mail - rel/ative
L /srv/t/fac
L /srv/t/lw - - - - right
L+ /srv/t/lw2 - - - - right
L+ /srv/t/notl2 - - - - right
L /srv/t/notl - - - - right
c /srv/t/c1 0666 - - - 1:3
b /srv/t/b1 - man - - 7:0
C /srv/t/c2 - - - - /srv/t/src
C /srv/t/c3 0700 man mail - /srv/t/src
C /srv/t/full - - - - /srv/t/src
C /srv/t/fac2 - - - - /usr/share/factory/srv/t/fac
C /srv/t/missing - - - - /srv/t/nosource
C+ /srv/t/rem - - - - /srv/t/src
z /srv/t/glob/* 0751 - mail
z /srv/t/slink 0700 man
Z /srv/t/z ~2750 man -
d /srv/t/notd
t /srv/t/file - - - - user.a=b user.c="d e"
T /srv/t/z - - - - user.deep=1
a /srv/t/aclf - - - - user:man:rw-,group:mail:r--
a+ /srv/t/acld - - - - d:group:adm:r-x,group:adm:rwx,u:5:r
A+ /srv/t/acld/sub - - - - group:adm:r-X,d:group:mail:r-X
a+ /srv/t/wf2 - - - - u::r,g::rw,o::-
a /srv/t/d1 - - - - group:nosuchgroup:r
h /srv/t/d1 - - - - +C
r /srv/t/r1
r /srv/t/rd*
R /srv/t/rdf
x /srv/t/x
d! /srv/t/boot
f! /srv/t/bootf
d= /srv/t/r1
f^ /srv/t/cred - - - - some.cred
f~ /srv/t/b64 - - - - aGVsbG8=
d /run/x
d /srv/t/%m
d /srv/t/%o-%w-%a
m /srv/t/q1 0700
d /srv/t/d1 0700
d "/srv/t/sp ace" 0700
d /srv/t/../up
d relative
y /srv/t/y
d /srv/t/nouser 0755 nosuchuser
d /srv/t/badmode 9999
f- /srv/t/file/under
CONF
