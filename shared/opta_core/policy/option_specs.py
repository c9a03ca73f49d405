"""How programs read their options. This file is data, one program or subcommand a line (grammar: `option_words.specs_of`).

It lists only what is certain. A missing letter leads to an unnecessary question; a letter that takes no value in some version of the
program would hide the letters after it.
"""

from .option_words import OptionSpec, specs_of, subcommands

TABLE = """
// letters that take a value, ?letters with an attached value only, --long options that take the next word, =--complete long options
awk : Ffv
base64 : bio
brotli : oqwSC
bzip2 : =--stdout
chmod : =--re
cmake : BDGSTU ?W
column : cosltNOERTHWdCJ
cp|install : tSgmo --target-directory --suffix
ln|mv : tS --target-directory --suffix
curl : AbcCdDeEFhHKmoPQrtTuUwxXyYz --max-time --header --user-agent --url --range --retry =--url =--location =--proto =--fail =--http1 =--ssl =--tls
cut : bcdf --bytes --characters --delimiter --fields --output-delimiter
date : dfrs ?I --date --file --reference --set
diff|sdiff : CDFISUWxX --label --exclude --exclude-from --ignore-matching-lines --to-file --from-file
du : BdXt
fd : cdeEjoStx --type --extension --exclude --max-depth --min-depth --size --owner --color --threads --changed-within
file : eFfmP --separator --magic-file --files-from
find : !
fmt : wpg
gcc : !
grep : ABCDdefm --regexp --file --context --after-context --before-context --max-count --include --exclude --color --label
gzip : Sb --suffix
head|tail : cns --lines --bytes --pid --sleep-interval
iconv : fto --from-code --to-code --output
jq : !
less : bhjkoOpPtTxyz
ls : ITw --ignore --hide --block-size --color --format --sort --time --width
lzip : bmsS
make : ?jlO CfIoW --directory --file --makefile --include-dir --assume-old --assume-new
man : CELMmPRSsrTHZe
mvn : fsgltoT ?DP --file --settings
gradle : bcIpgx ?DP
mysql : DehPpSu
nl : bdfhilnsvw
npm : CwL --prefix --workspace
od : AjNStw
paste : d
pip : certi --requirement --constraint --index-url --editable --target
pytest : cknmoprW
psql : cdfhLopFRTUvPA
ruby : IeErC ?F
perl : Ie ?MmFD
rg : ABCEMTdefgjmrt --regexp --file --glob --iglob --type --type-not --max-depth --max-count --context --after-context --before-context --replace --sort =--pretty
sed : efl ?i --expression --file --line-length
seq : fs
shuf : no --head-count --output --random-source
sort : kStT --key --field-separator --buffer-size --parallel --batch-size =--sort
split : abCln
stat : cft
tar : bCfFgHIKLNTVX
tee : ?p
touch : drt
tr : =--c
tree : HILPTo --charset --filelimit --timefmt --sort
uniq : fsw --skip-fields --skip-chars --check-chars
wc : =--files0
xxd : clsogR
xz : TCFMS --threads --suffix --format --check --memlimit
yq : Ipos --indent --output-format --input-format
zip : bntPx
7z : !

git : =--text
git add|stage : =--e
git am : ?CSpu =--keep
git apply : Cp
git archive : o --format --prefix --output
git blame|annotate : L ?MCS --date =--contents
git branch : u ?t --set-upstream-to --sort --contains --merged --format =--format
git checkout : bB ?tm
git cherry-pick|revert : mX ?S
git clone : bcjou --branch --depth --origin --reference
git commit : cCFmt ?Su --message --author --date --file --fixup
git diff|show|diff-tree|diff-index|diff-files : GSlO ?UMCBDX =--text
git fetch|pull : jo --depth --deepen --upload-pack
git for-each-ref : =--format
git grep : ABCefm ?O --threads --max-depth =--text
git log|shortlog|whatchanged|rev-list : GLSnlO ?UMCBw --author --grep --since --until --after --before --max-count --format =--text
git ls-files : xX --exclude
git merge : FmsX ?S
git push : o --push-option --repo
git rebase : Csx ?SX --onto
git reset : =--mixed
git restore : s --source =--worktree-
git rm : =--quiet
git stash : m ?u
git status : ?uM =--short
git switch : cC
git tag : mFu ?n
git worktree : bB
"""

_SPECS = specs_of(TABLE)
_NONE = OptionSpec()


def spec_of(name: str, path: tuple[str, ...], words: tuple[str, ...]) -> OptionSpec:
    """How to read the options after the program `name` or, when the entry has a `path`, after its subcommand in `words`."""
    if path:
        for sub in sorted(subcommands(words)):
            if (spec := _SPECS.get((name, sub))) is not None:
                return spec
    return _SPECS.get((name,), _NONE)
