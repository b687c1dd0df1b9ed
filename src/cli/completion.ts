import type { Argument, Command } from 'commander';

/**
 * Completion in a shell. The scripts ask this program at each Tab, and it looks into its own commands, so that they know
 * what the installed version knows. Where it finds nothing, the shell offers files.
 */

export const SHELLS = ['bash', 'zsh'] as const;
export type Shell = (typeof SHELLS)[number];

/** Of a Tab: long enough for a Descent that is there. */
export const COMPLETION_MS = 3_000;

/** What only the server knows. Called only if the word may be one. */
interface Known {
  jobIds: () => Promise<string[]>;
  /** Paths of the fields of a spec. */
  fieldPaths: () => Promise<string[]>;
}

/** They end in the word before the cursor, even if it is empty. */
export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: `
# Completion of descent in bash.
_descent() {
  local IFS=$'\\n'
  COMPREPLY=($(descent complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  if [[ \${COMPREPLY[0]} == *= ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o bashdefault -o default -F _descent descent
`,
  zsh: `
# Completion of descent in zsh.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
_descent() {
  local -a found
  found=(\${(f)"$(descent complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if [[ $found[1] == *= ]]; then compadd -S '' -a found
  elif (( $#found )); then compadd -a found
  else _files; fi
}
compdef _descent descent
`,
};

/** What may stand in place of the last of these words, which follow the program's name. */
export async function complete(program: Command, words: readonly string[], known: Known): Promise<string[]> {
  // bash gives `--format=onnx` as three words. Which values a field may have is the server's to say.
  if (words.at(-2) === '=' && isSetting(words)) return [];
  const before = words.slice(0, -1).filter((word) => word !== '=');
  const word = words.at(-1) ?? '';
  const found = await candidates(program, before, word, known);
  return found.filter((candidate) => candidate.startsWith(word));
}

async function candidates(
  program: Command,
  [name, ...given]: readonly string[],
  word: string,
  known: Known,
): Promise<readonly string[]> {
  const help = program.createHelp();
  const commands = help.visibleCommands(program);
  const command = name === undefined ? program : commands.find((each) => each.name() === name);
  if (command === undefined) return [];
  // `data` has commands of its own.
  if (command !== program && command.commands.length > 0)
    return await candidates(command, given, word, known);
  if (word.startsWith('-')) return help.visibleOptions(command).map(({ long, short }) => long ?? short ?? '');
  if (command === program) return commands.map((each) => each.name());
  if (isSetting(given)) return (await known.fieldPaths()).map((path) => `${path}=`);
  const argument = argumentAfter(command, given);
  switch (argument?.name()) {
    case 'id':
      return await known.jobIds();
    case 'path':
      return await known.fieldPaths();
    case 'command':
      return commands.map((each) => each.name());
    default:
      return argument?.argChoices ?? [];
  }
}

/** Whether a pair of `--set` follows: it takes any number of them. */
const isSetting = (words: readonly string[]): boolean =>
  words.findLast((word) => word.startsWith('--')) === '--set';

/** Which argument follows these words; undefined if none does, but the value of an option. */
function argumentAfter(command: Command, given: readonly string[]): Argument | undefined {
  let place = 0;
  let isValue = false;
  for (const word of given) {
    if (isValue) isValue = false;
    else if (!word.startsWith('-')) place += 1;
    else
      isValue = command.options.some(({ long, short, required }) => required && [long, short].includes(word));
  }
  if (isValue) return undefined;
  const { registeredArguments } = command;
  const last = registeredArguments.at(-1);
  return registeredArguments[place] ?? (last?.variadic ? last : undefined);
}
