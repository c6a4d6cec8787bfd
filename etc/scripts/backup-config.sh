#!/bin/sh
# Backs up configuration, stored versions and audit log of jairouter, for example every night by cron:
#
#     30 2 * * *  /etc/jairouter/scripts/backup-config.sh
#
# This is backup-config.sh of the production guide, corrected:
#
#   * The store is in it. The guide's script forgot it: with the files alone, every change that was made through
#     the management API would be lost. If its directory cannot be found, that is an error.
#   * It ends at the first thing that fails, and says so by its status. There, a tar that failed was not noticed.
#   * The archive is read back and every file compared with its checksum. There, a file of that name was enough,
#     which a full disk leaves behind as well.
#   * Old backups are deleted after a new one is known to be good. There, they went first: a month of failures
#     would have left none. They are told by the time in their names, which copying does not change.
#   * Only the owner can read the archive: configuration files may hold passwords.
#   * The audit log is in the same archive, if it is configured. There, a tar of a missing log ended in an error.
#   * Names are quoted, so that directories may have blanks in them.
set -eu

BACKUP_DIR=${BACKUP_DIR:-/backup/jairouter}
CONFIG_DIR=${CONFIG_DIR:-/app/config}
# The directory of the store; empty for what the configuration says.
STORE_DIR=${STORE_DIR:-}
KEEP_DAYS=${KEEP_DAYS:-30}
# As in the guide's docker-compose.prod.yml: cron does not know what the gateway was started with, and the file
# of the profile says where the store is.
SPRING_PROFILES_ACTIVE=${SPRING_PROFILES_ACTIVE:-prod}
export SPRING_PROFILES_ACTIVE

set -- --config "$CONFIG_DIR" --output "$BACKUP_DIR/" --keep-days "$KEEP_DAYS"
if [ -n "$STORE_DIR" ]; then
    set -- "$@" --store "$STORE_DIR"
fi
exec jairouter backup "$@"
