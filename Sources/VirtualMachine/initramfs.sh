#!/bin/busybox sh
# What runs before the image: the kernel's modules for it, then the image as the root, as a supervisor would attach it.
busybox mount -t proc proc /proc
busybox mount -t sysfs sysfs /sys
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod "$module" || echo "initramfs: $module can't be loaded"; done
tries=0
until [ -b /dev/vda ] || [ "$tries" = 100 ]; do busybox sleep 0.1; tries=$((tries + 1)); done
busybox mount -t squashfs -o ro /dev/vda /root || { echo "initramfs: the image can't be mounted"; exit 1; }
for folder in dev proc sys; do busybox mount --move /$folder /root/$folder; done
exec busybox switch_root /root /sbin/init
