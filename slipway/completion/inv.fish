# Completes `inv` and `./inv` of every Slipway project in fish; printed by `inv completion`.

function __inv_root --description 'Print the project that a command belongs to' --argument-names file
    set -l folder $PWD
    set file (string replace --regex '^~/' $HOME/ -- $file)
    if string match --quiet '*/*' -- $file
        set folder (path dirname -- (path resolve -- $file))
    end
    while not test -e $folder/slipway/completion/answer.py -o -e $folder/kit.yml
        test -n "$folder"; or return 1
        set folder (string replace --regex '/[^/]*$' '' -- $folder)
    end
    echo $folder
end

function __inv_complete --description 'Print what may stand at the cursor'
    set -l words (commandline --cut-at-cursor --current-process --tokenize)
    set -l current (commandline --cut-at-cursor --current-token)
    set -l root (__inv_root $words[1]); or return
    set -l answer ($root/.venv/bin/python -I -S -c \
        'import sys; root = sys.argv[1]; v = sys.version_info; sys.path[:0] = [root, f"{root}/.venv/lib/python{v[0]}.{v[1]}/site-packages"]; from slipway.completion import answer; answer.main(root, sys.argv[2:])' \
        $root $words[2..] "$current" 2>/dev/null)
    if string match --quiet ':files*' -- $answer
        set -l before (string match --regex '^-[^=]*=' -- $current; or echo)
        for file in (__fish_complete_path (string replace -- "$before" '' $current))
            echo $before$file
        end
    else
        printf '%s\n' $answer
    end
end

complete --command inv --erase
complete --command inv --no-files --arguments '(__inv_complete)'
