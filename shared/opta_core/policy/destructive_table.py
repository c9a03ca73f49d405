"""Programs and subcommands whose effect cannot be undone: they delete, overwrite, publish or stop something.

This file is data, one entry a line (grammar: `option_words.OptionRule`). `destructive_commands` judges words by it.
"""

from .option_words import entries_of

TABLE = """
// files
rm|rmdir|unlink|shred|truncate|dd|mkfs|wipefs|fdisk|sfdisk|cfdisk|gdisk|sgdisk|parted|blkdiscard|badblocks|hdparm : *
rename|detox|rmlint|bleachbit|tmpreaper|tmpwatch|safe-rm|rimraf|del|trash-empty|sponge|mogrify|logrotate : *
fdupes|jdupes : -d -N --delete --noprompt
rdfind : -deleteduplicates
fallocate : -p -c -z -i --punch-hole --collapse-range --zero-range --insert-range
find : -delete -exec -execdir -ok -okdir => deletes or runs
sed : -i -I --in-place => rewrites files in place
perl|ruby : -i
mv : -f --force !moved => may replace files, or loses what leaves the workspace
cp|ln|install : -f --force --remove-destination !replaced => may replace files
cp|install|ln : --unlink-first
mv|cp|ln|install|rsync|scp|ditto : @/dev/* => empties a file, or loses what goes there
tee : !over unless -a --append => replaces a file
rsync : --del --delete --delete-before --delete-during --delete-delay --delete-after --delete-excluded --delete-missing-args --remove-source-files --existing --force --inplace
rclone delete|deletefile|purge|sync|move|moveto|rmdir|rmdirs|cleanup|dedupe|bisync|settier : *
chmod : -R --recursive --reference !mode => changes a whole tree, or locks a file away
chown|chgrp|chattr|setfacl|setfattr|chflags : * => changes who may use a file
xattr : -c -d -w
gzip|bzip2|xz|compress|lzip : * unless -c -k -t -l --stdout --to-stdout --keep --test --list -h --help -V --version => replaces its input
gzip|bzip2|xz|compress|lzip|zstd|lz4 : -f --force => may replace files
zstd|lz4 : --rm => removes its input
brotli : -j -f --rm --force => removes its input
lzop : -U -f --unlink --delete --force
tar : --remove-files --overwrite --overwrite-dir --unlink-first --recursive-unlink -U
zip : -m -d --move --delete --filesync -FS
unzip : -o
7z : @d @rn -sdel -aoa
ar : @d*
strip : * unless -o --output-file
exiftool : -overwrite_original -delete_original* -all=*
ffmpeg : -y
git-lfs prune|migrate : *

// git
git reset : --hard --merge --keep => discards changes
git switch : -f -C --force --force-create --discard-changes --orphan => discards changes
git checkout : !checkout => may discard changes (git switch does not)
git restore : !restore => discards changes
git clean|gc|prune|prune-packed|filter-branch|filter-repo|fast-import|update-ref|checkout-index|read-tree|pack-redundant|replace|unpack-file : * => discards
git repack : -d -a -A --cruft
git maintenance|rerere run|forget|clear|gc : *
git stash drop|clear|store : * => deletes
git branch : -d -D -m -M -C -f --delete --move --force => deletes or overwrites
git tag : -d -f --delete --force => deletes or overwrites
git push : -f -d --force --force-with-lease --force-if-includes --delete --mirror --prune @+* @:* => overwrites or deletes
git send-pack|http-push : * => overwrites or deletes
git fetch|pull : -f --force @+* => overwrites
git remote remove|rm|prune|rename|set-url|update : * => deletes
git worktree remove|prune|move : * => deletes
git worktree add : -f -B --force => overwrites
git reflog expire|delete|drop : * => discards
git rm : * unless --cached --dry-run -n => deletes
git mv : -f --force => overwrites
git notes remove|prune|copy|merge : * => deletes
git notes add : -f --force => overwrites
git symbolic-ref : -d --delete #2 => changes refs
git merge|rebase|am|cherry-pick|revert|bisect : --abort --quit --skip => discards changes
git am|cherry-pick|revert|rebase : --skip => discards changes
git apply : -R --reverse => takes changes back
git sparse-checkout set|reapply|disable|init|add : * => removes files
git submodule deinit : * => deletes
git submodule : -f --force => discards changes
git update-index : --force-remove --remove -g --again => removes from the index
git lfs prune|migrate|uninstall : * => deletes
git annex drop|dropunused|uninit|fix|forget : * => deletes
git subtree|svn|p4 push|dcommit|reset|submit : * => publishes or discards
hg purge|strip|revert|rollback|abort|histedit|prune : *
hg update|up|checkout|co|merge : -C --clean
svn revert|delete|rm|del|remove|cleanup|switch|relocate : *
jj abandon|restore|undo|squash|rebase : *
jj op|operation restore|undo|abandon : *
jj bookmark|b delete|d|forget|f : *
fossil revert|rm|delete|scrub|rebuild|purge|clean|undo : *
p4 revert|delete|obliterate|submit|shelve|clean : *
bzr revert|remove|uncommit|clean-tree : *
dvc gc|remove|destroy|checkout|purge : *

// clouds
aws : @delete-* @terminate-* @remove-* @purge-* @deregister-* @disable-* @stop-* @reboot-* @reset-* @detach-* @revoke-* @cancel-* @put-bucket-* @schedule-key-deletion @batch-delete-* @empty-* @rm @rb @mv @rm-* --delete --force-delete-without-recovery --force
gsutil : @rm @rb @mv @rewrite @retention @lifecycle
gsutil rsync : -d
gsutil cp : -M
gcloud : @delete @delete-* @destroy @destroy-* @remove @remove-* @rm @mv @reset @reset-* @purge @purge-* @abandon-* @stop @suspend @undelete @disable @disable-* --delete-unmatched-destination-objects --delete-disks --force
bq : @rm @truncate @cancel -f --force --replace --append_table
bq query : !sql
az : @delete @delete-* @purge @remove @remove-* @stop @deallocate @restart @reset* @revoke* @destroy* @disable* @cancel --delete-destination
azcopy remove|rm : *
azcopy sync : --delete-destination
doctl|hcloud|linode-cli|ibmcloud|scw|exo|vultr-cli|civo|upctl|openstack|nova|glance|cinder|swift|oci|aliyun|tccli|hcloud|ovhai|yc|gridscale|cloudscale|stackit : @[dD]elete* @*-delete @rm @remove* @[dD]estroy* @[tT]erminate* @purge* @[rR]elease* @reset* @rebuild* @poweroff @shutdown @*-[dD]elete*
s3cmd : @del @rm @rb @mv @expire @setlifecycle --delete-removed --delete-after
s4cmd : @del @rm @mv --delete-removed
s5cmd : @rm @rb @mv --delete
mc : @rm @rb @mv --remove --force
mc mirror : --overwrite --remove
b2 : @delete-* @rm @hide-* @cancel-* @delete --delete --replaceNewer --replace-newer
rados|radosgw-admin|ceph|rbd : @rm @purge @delete @trash @cleanup @destroy @out @rmfailed
terraform destroy|apply|import|taint|untaint|force-unlock|refresh : *
terraform state rm|mv|push|replace-provider : *
terraform workspace delete : *
terraform init : -migrate-state -force-copy -reconfigure
terragrunt destroy|apply|run-all|run|import|taint|untaint|destroy-all|apply-all : *
cdktf|cdk|cdklocal|sst destroy|deploy|remove|gc|rollback : *
pulumi destroy|up|update|refresh|cancel|down|import : *
pulumi stack rm|import|rename|unselect : *
pulumi state delete|unprotect|rename|repair|move : *
pulumi config rm|rm-all : *
packer build : -force
sam|copilot|serverless|sls|chalice|zappa|eb|up|arc|amplify|claudia delete|remove|destroy|terminate|undeploy|deploy|rollback|svc|env|app : *
ansible|ansible-playbook|ansible-pull|salt|salt-call|puppet|chef-client|knife|cfn|fab|pyinfra : *
vagrant destroy|halt|reload|box|snapshot|package : *
multipass delete|purge|stop|restore : *
virsh : @destroy @undefine @*-delete @*-destroy @*-undefine @shutdown @reset @*-wipe @*-revert
VBoxManage|vboxmanage : @unregistervm @closemedium @controlvm @discardstate @*delete*
lxc|incus|lxd delete|stop|restart|rebuild|rename|publish|restore : *
lxc|incus : @delete @rm @unset
qemu-img : @commit @rebase @resize @create
heroku|fly|railway|render|vercel|now|netlify|firebase|wrangler|supabase|neonctl|planetscale|pscale|turso|surge|gigalixir|platform|dokku|nhost|convex|stripe|okteto|cf : @*delete* @*destroy* @*remove* @rm @*:rm @*reset* @*:clear @*purge* @down @deploy @publish @promote @rollback @*:disable @*:unset @restart @reboot
cf : @delete* @unbind* @purge* @stop
kubectl delete|drain|cordon|evict|replace|scale|rollout|apply|patch|taint|edit|exec|set|auth|certificate : *
helm uninstall|delete|del|un|rollback|upgrade|push : *
helm : @rm @remove --force
helmfile destroy|delete|apply|sync : *
kustomize edit : *
kind|k3d|minikube|k0s|k3s|microk8s|eksctl|kops|rke|talosctl|kubeadm|ctlptl|cluster-api|clusterctl|colima|limactl|rancher : @delete @reset @stop @remove @rm @*-uninstall @uninstall @wipe @destroy @prune @drain @upgrade
argocd|flux|istioctl|linkerd|cilium|velero|argo|tkn|kn|operator-sdk|crossplane|skaffold|tilt|devspace : @delete @uninstall @rm @remove @terminate-op @stop @down @purge @prune --purge --prune
nomad : @stop @gc @purge @drain @delete @revert @destroy -purge
consul : @delete @leave @force-leave @destroy
vault : @delete @destroy @disable @revoke @seal @rekey @rotate @purge
etcdctl : @del @defrag @compaction @remove @delete @revoke
docker rm|rmi|prune|kill|stop|down|push|restart : *
docker : @prune @rm @remove --rmi
ctr|crictl|buildah|skopeo|img|nixctl : @rm @rmi @rmp @delete @remove @prune @stop
crane|oras|regctl|reg : @delete @push @rm

// hosting, packages, publishing
gh : @delete @delete-* @archive @rm @remove @transfer @disable @close @merge @rename @publish @revert @cancel
gh api : -X --method -f -F --field --raw-field --input
glab|tea|bb : @delete @rm @remove @archive @transfer @close @merge @revoke @cancel
glab api : -X --method -f -F --field --raw-field --input
http|https|xh|xhs|httpie : @DELETE @PUT @PATCH @POST
npm : @publish @unpublish @deprecate @undeprecate
npm access|owner|author|team|token|dist-tag|dist-tags|hook|org|profile|trust add|rm|remove|revoke|destroy|delete|set|disable-2fa|enable-2fa|grant|create|public|restricted : *
npm uninstall|un|unlink|rm|r|remove|prune|adduser|login|logout : *
npm cache clean|clear|rm : *
npm store|cache|pm prune|clean|clear : *
npm npm publish|tag : *
pip uninstall : *
pip cache purge|remove : *
uv : @publish @uninstall @prune @clean
uv remove|cache : *
uv venv : --clear -c
uv sync|pip : --reinstall --exact
python : !module => deletes or publishes
virtualenv|venv : --clear
conda|mamba|micromamba|pixi : @remove @uninstall @clean @prune @upload
gem uninstall|cleanup|push|yank|owner|rm : *
cargo publish|yank|owner|uninstall|clean|login|logout|remove|rm : *
cargo +* publish|yank|owner|uninstall|clean|remove|rm : *
rustup : @uninstall @remove
go clean : *
go env : -w -u
go mod : @edit
twine|flit upload|publish : *
composer remove|uninstall|clear-cache|clearcache|global|self-update : *
dart|flutter|pub : @clean @publish @remove @--force
lerna|changeset|nx|turbo|release-it|np|semantic-release|standard-version|goreleaser|vsce|ovsx|jsr : @publish @release @reset @clean @prune @unpublish @version
np|semantic-release|release-it : *
mvn|mvnw|gradle|sbt|lein|ant : @deploy @publish @release* @*:deploy @publish* @*:publish* @upload*
clojars|jfrog|jf|cloudsmith|nexus3 : @delete* @del @push @upload
apt|dnf|yum|zypper|apk|xbps-remove|pkg|port|emerge|eopkg|swupd|nala|opkg|slackpkg|guix : @remove @purge @erase @autoremove @autopurge @uninstall @rm @del @delete @clean @autoclean @full-upgrade @dist-upgrade @upgrade @downgrade --purge --unmerge --depclean -C -c
dpkg : -r -P --remove --purge --force-all --clear-selections
rpm : -e -U -F --erase --nodeps --force --rebuilddb
pacman|yay|paru|pikaur : -R -S -U --remove --sync --upgrade --overwrite
brew : @uninstall @remove @rm @cleanup @autoremove @zap @untap @unlink @reinstall @upgrade --zap --force
mas|softwareupdate|winget|choco|scoop : @uninstall @remove @reset
nix-env : -e --uninstall --delete-generations
nix-collect-garbage|nix-store : -d --delete-old --delete --gc

// databases
dropdb|dropuser|redis-cli|pg_resetwal|pg_archivecleanup|vacuumlo|initdb|pg_ctl|pg_rewind : *
psql|mysql|sqlite3|duckdb|clickhouse-client|clickhouse|cqlsh|sqlcmd|mssql-cli|usql|isql|osql|bteq|snowsql|snow|trino|presto|beeline|hive|impala-shell|spark-sql|ksql|cockroach|influx|dolt|mongosh|cypher-shell|surreal|osqueryi|sqlplus|sql|db2|iredis|questdb : !sql => changes or deletes data
pg_restore : -c --clean --create -C
mongorestore : --drop
mongodump|mongoexport : --out -o
mysqladmin : @drop @shutdown @kill @flush-* @reset* @password
influx : @delete @rm
dolt reset|clean|gc|branch|table|push : *
alembic downgrade|stamp|upgrade : *
flyway|liquibase|dbmate|goose|migrate|sqitch|atlas|sql-migrate|knex|sequelize|typeorm|mikro-orm|drizzle-kit|rails|rake|rake5|hanami|diesel|sqlx|sea-orm-cli|ecto|refinery|phinx|doctrine|artisan|console|django-admin|manage.py : @clean @reset_* @delete_* @remove_* @*:delete* @*:remove* @drop* @*:drop* @*:reset* @reset @down @redo @undo @revert @rollback* @*:rollback* @*:revert* @*:undo* @fresh @flush @push @*:purge @*:fresh @*:wipe @*:clean @*:truncate* @sqlflush @zero @*-drop* @undo* @database
prisma : @reset @push @resolve --force-reset --accept-data-loss
prisma db : @push @execute @seed
prisma migrate : @reset @deploy
rails : @destroy @d @db:* @assets:clobber @tmp:clear @log:clear @runner
elasticdump|curator|esrally : *
kafka-topics|kafka-topics.sh : --delete --alter
kafka-delete-records|kafka-delete-records.sh|kafka-streams-application-reset : *
kafka-consumer-groups|kafka-consumer-groups.sh : --delete --delete-offsets --reset-offsets
rabbitmqctl|rabbitmqadmin : @delete* @reset @force_reset @purge* @stop* @forget* @clear*
restic : @forget @prune @rewrite @repair @unlock @restore --delete
borg|borgmatic : @delete @prune @compact @recreate @break-lock @rename
duplicity|rdiff-backup : @remove-* @cleanup @collection-status --force --remove-older-than --delete
tarsnap|rsnapshot|bup|kopia|attic|obnam : -d @delete @rm @prune @expire --nuke

// the machine
kill|killall|pkill|skill|xkill|killall5|fuser|reboot|shutdown|halt|poweroff|init|telinit : *
systemctl|service|rc-service|rc-update|sv|initctl|launchctl|loginctl|supervisorctl|pm2|monit|machinectl|hostnamectl|timedatectl|localectl|update-rc.d|chkconfig|s6-svc|nssm : *
journalctl : --vacuum-size --vacuum-time --vacuum-files --rotate --flush
dmesg : -c -C --clear --read-clear
crontab|atrm|batch : * unless -l
mount|umount|swapoff|swapon|mkswap|losetup|cryptsetup|zpool|zfs|btrfs|mdadm|dmsetup|fsck|e2fsck|xfs_repair|resize2fs|tune2fs|xfs_growfs|partprobe|kpartx|nvme|smartctl|diskutil|hdiutil|tmutil|newfs|format : *
lvremove|vgremove|pvremove|lvreduce|lvresize|lvcreate|vgreduce|pvcreate|lvm : *
iptables|ip6tables|nft|ufw|firewall-cmd|ipset|ebtables|pfctl|ipfw|sysctl|modprobe|rmmod|insmod|kmod|setenforce|semanage|restorecon|auditctl|aa-disable|grub-install|update-grub|efibootmgr|bootctl|dracut|update-initramfs|mkinitcpio|kexec : *
ip|nmcli|ifconfig|route|networksetup|tc|bridge|wg|brctl|ethtool|iw : @del* @flush @set @down @add @change @replace @up @disconnect @modify @edit @remove @off @delete*
userdel|groupdel|useradd|groupadd|usermod|groupmod|adduser|addgroup|deluser|delgroup|passwd|chpasswd|gpasswd|vipw|vigr|visudo|chsh|chfn|chage|pwconv|faillock|dscl|sysadminctl|pam-auth-update : *
ipcrm|ipcmk|swaplabel|hwclock|setcap|alternatives|update-alternatives|ldconfig|depmod|dpkg-reconfigure|dpkg-divert|debconf|authconfig : *
gpg|gpg2 : --delete-keys --delete-key --delete-secret-keys --delete-secret-key --delete-secret-and-public-key --yes --expert --gen-revoke --import --edit-key
ssh-keygen : -R -f -p -k -r -A
ssh-add : -D -d
keytool : -delete -genkey* -importcert -storepasswd -changealias
security : @delete-* @set-* @add-* @import @lock-* @remove-*
secret-tool|pass|gopass|op|bw|lpass|keyctl|age-keygen : @rm @delete @clear @remove @move @mv @purge @edit @insert @generate @revoke @unlink @trash @store
defaults|nvram|pmset|csrutil|tccutil|scutil|bless|systemsetup|spctl|fdesetup|dseditgroup|PlistBuddy|plutil|kextunload : @delete @write @reset @rename @disable @enable @remove* -c -d -replace -remove -insert
xcrun|simctl : @erase @delete @uninstall @shutdown @reset
adb : @uninstall @shell @reboot @wipe @push @sideload @root @remount @disable-verity
fastboot|heimdall|odin|esptool|esptool.py|avrdude|dfu-util|openocd|st-flash|flashrom|picotool|nrfjprog|JLinkExe : *
gsettings|dconf : @reset @reset-recursively @set @write @load
snapper|timeshift|ostree|rpm-ostree|bootc|nixos-rebuild|transactional-update|snap|flatpak : *
tmux|screen|zellij : @kill-* -X
history|fc : -c -w
wp|drush|drupal|magento|occ : @delete @drop @reset @sql-drop @search-replace @flush* @clean* @remove @destroy @uninstall @empty* @site:* @sql:*
pytest|py.test : --basetemp --cache-clear => empties a folder
coverage : @erase
nbstripout|pre-commit : @gc @clean @uninstall --install
spamassassin|postsuper|postqueue|mailq|exim|sendmail|mail|mailx|mutt|swaks : * => sends or deletes mail
"""

ENTRIES = entries_of(TABLE)
