# A tree with one of everything: sh make_tree.sh FOLDER. As root; every time is fixed.
set -eu
umask 022
mkdir "$1" && cd "$1"
mkdir -p usr/bin etc/ssh var/lib/dpkg/info dev empty
echo 'hello' > etc/motd
printf '\177ELF program\n' > usr/bin/program && chmod 755 usr/bin/program
cp usr/bin/program usr/bin/setuid && chmod 4755 usr/bin/setuid
cp usr/bin/program usr/bin/capable && setcap cap_net_raw+ep usr/bin/capable
head -c 300000 /dev/zero | openssl enc -aes-128-ctr -pass pass:x -nosalt -pbkdf2 > usr/bin/large 2>/dev/null
ln usr/bin/large usr/bin/linked
ln -s usr/bin bin && ln -s program usr/bin/name
setfattr -n user.note -v value etc/motd
mknod dev/null c 1 3 && mknod dev/disk b 259 70000 && mkfifo pipe
truncate -s 3M sparse
: > empty-file
printf 'Package: tool\nStatus: install ok installed\nVersion: 1.0\n\n' > var/lib/dpkg/status
printf '/.\n/usr\n/usr/bin\n/bin/program\n/usr/bin/setuid\n' > var/lib/dpkg/info/tool.list
printf '#!/bin/sh\necho x > /etc/made\n' > var/lib/dpkg/info/tool.postinst
chown 5:7 etc/motd
find . -exec touch -h -d @1000000000 {} +
