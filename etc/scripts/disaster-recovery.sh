#!/bin/sh
# Restores a backup of jairouter and sees to it that the service runs again:
#
#     disaster-recovery.sh                                        the newest backup
#     disaster-recovery.sh 20250801T120000Z                       the one of that time
#     disaster-recovery.sh /mnt/old/config-20240115_100000.tar.gz any archive, those of the guide's script too
#
# What follows is handed on to `jairouter restore`. --unchecked is needed where the configuration names
# variables, such as ${OPENAI_API_KEY}, that the gateway has and this shell has not:
#
#     disaster-recovery.sh 20250801T120000Z --unchecked
#
# This is disaster-recovery.sh of the production guide, corrected:
#
#   * Which backup is said when it is run. There, it was a line of the script to be edited in the emergency.
#   * The archive, and whether its configuration is valid, are checked while the service still runs. There, a
#     damaged one was noticed when the service was stopped and half of the files were overwritten.
#   * What was there is put aside, and files that are not in the backup do not stay among those that are. There,
#     tar unpacked over what there was.
#   * Stored versions are restored with the files, which are only half of what was in force.
#   * If something fails, the service is started again with what it had, and the status is 1. There, it stayed
#     stopped.
#   * It waits until the service answers, up to WAIT seconds. There, it asked once after ten seconds, whether
#     that was too early or far too late.
set -eu

BACKUP_DIR=${BACKUP_DIR:-/backup/jairouter}
CONFIG_DIR=${CONFIG_DIR:-/app/config}
# The directory of the store; empty for what the restored configuration says.
STORE_DIR=${STORE_DIR:-}
# With containers: STOP='docker compose stop jairouter' START='docker compose start jairouter'
STOP=${STOP:-systemctl stop jairouter}
START=${START:-systemctl start jairouter}
HEALTH_URL=${HEALTH_URL:-http://localhost:8080/actuator/health}
WAIT=${WAIT:-60}
# The user, or USER:GROUP, that the gateway runs as: whose the files will be. Empty: whose those before were,
# which nobody knows any more when the disk was lost.
OWNER=${OWNER:-}
# As in the guide's docker-compose.prod.yml: the file of the profile says where the store is.
SPRING_PROFILES_ACTIVE=${SPRING_PROFILES_ACTIVE:-prod}
export SPRING_PROFILES_ACTIVE

say() {
    printf 'disaster-recovery: %s\n' "$*" >&2
}

newest() {
    found=
    # Names have the time in them, and a shell lists them in order
    for each in "$BACKUP_DIR"/jairouter-*.tar.gz; do
        if [ -e "$each" ]; then
            found=$each
        fi
    done
    if [ -z "$found" ]; then
        say "there is no backup in $BACKUP_DIR"
        exit 1
    fi
    printf '%s\n' "$found"
}

case ${1:-} in
'') archive=$(newest) ;;
*/* | *.tar | *.tar.gz | *.tgz) archive=$1 ;;
*) archive=$BACKUP_DIR/jairouter-$1.tar.gz ;;
esac

if [ $# -gt 0 ]; then
    shift
fi
set -- "$archive" --config "$CONFIG_DIR" "$@"
if [ -n "$STORE_DIR" ]; then
    set -- "$@" --store "$STORE_DIR"
fi
if [ -n "$OWNER" ]; then
    set -- "$@" --owner "$OWNER"
fi

say "checking $archive"
# (--force: here it does not matter yet that the service runs)
jairouter restore "$@" --dry-run --force

stopped=
start_again() {
    if [ -n "$stopped" ]; then
        say "not restored; starting the service with what it had"
        sh -c "$START"
    fi
}
trap start_again EXIT
trap 'exit 1' INT TERM

stopped=yes
sh -c "$STOP"
jairouter restore "$@"
stopped=

sh -c "$START"
waited=0
until curl --fail --silent --show-error --max-time 5 --output /dev/null "$HEALTH_URL"; do
    if [ "$waited" -ge "$WAIT" ]; then
        say "$HEALTH_URL does not answer that all is well, after $waited s"
        exit 1
    fi
    sleep 1
    waited=$((waited + 1))
done
say "restored, and $HEALTH_URL says that all is well"
