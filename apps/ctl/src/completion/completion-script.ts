// Completion scripts out of the command tree: commands, options, choices of options, kinds, files.
import type { Command, Option } from 'commander';

export type Shell = 'bash' | 'zsh' | 'fish';

/** One place of the command tree: what may follow. */
interface Node {
  /** `proxy-config route`; empty at the root. */
  readonly path: string;
  readonly words: readonly (readonly [word: string, description: string])[];
  readonly options: readonly Option[];
}

export function completionScript(program: Command, shell: Shell): string {
  const nodes = walk(program, '');
  if (shell === 'fish') return fish(nodes);
  const bash = bashFunction(nodes);
  if (shell === 'bash') return `${bash}complete -o default -F _xebec xebec\n`;
  return `#compdef xebec\nautoload -U +X bashcompinit && bashcompinit\n${bash}complete -o default -F _xebec xebec\n`;
}

const kindWords = [
  ...['namespaces', 'services', 'serviceaccounts', 'secrets', 'deployments', 'pods', 'endpointslices'],
  ...[
    'virtualservices',
    'destinationrules',
    'serviceentries',
    'workloadentries',
    'gateways',
    'peerauthentications',
  ],
];

function walk(command: Command, path: string): readonly Node[] {
  const commands = command.commands.map((one) => [one.name(), one.description()] as const);
  const choices = command.registeredArguments.slice(0, 1).flatMap(({ argChoices }) => argChoices ?? []);
  const kinds = command.registeredArguments[0]?.name() === 'kind' ? kindWords : [];
  const words = [...commands, ...[...choices, ...kinds].map((word) => [word, ''] as const)];
  const own: Node = { path, words, options: command.options.filter(({ hidden }) => !hidden) };
  return [own, ...command.commands.flatMap((one) => walk(one, `${path} ${one.name()}`.trim()))];
}

const flagsOf = (option: Option): readonly string[] =>
  [option.short, option.long].filter((flag): flag is string => flag !== undefined && flag !== null);

function bashFunction(nodes: readonly Node[]): string {
  const paths = nodes.map(({ path }) => path).filter((path) => path !== '');
  const cases = nodes.map(({ path, words, options }) => {
    const flags = options.flatMap(flagsOf);
    const candidates = [...words.map(([word]) => word), ...flags].join(' ');
    return `    '${path}') words='${candidates}' ;;`;
  });
  const values = nodes.flatMap(({ options }) => options.filter(({ argChoices }) => argChoices !== undefined));
  const byFlag = new Map(
    values.map((option) => [flagsOf(option).join('|'), (option.argChoices ?? []).join(' ')]),
  );
  const valueCases = [...byFlag].map(
    ([flags, choices]) => `    ${flags}) COMPREPLY=($(compgen -W '${choices}' -- "$current")); return ;;`,
  );
  return `_xebec() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" path='' word words=''
  COMPREPLY=()
  case "$previous" in
${valueCases.join('\n')}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${path:+$path }$word" in
      ${paths.map((path) => `'${path}'`).join('|')}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
`;
}

const quoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, words, options }) => {
    const next = words.map(([word]) => word).join(' ');
    const names = path.split(' ');
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : [
            ...names.map((name) => `__fish_seen_subcommand_from ${name}`),
            ...(next === '' ? [] : [`not __fish_seen_subcommand_from ${next}`]),
          ].join('; and ');
    const isLeaf = words.length === 0;
    const optionCondition =
      path === ''
        ? '__fish_use_subcommand'
        : names.map((name) => `__fish_seen_subcommand_from ${name}`).join('; and ');
    return [
      ...words.map(
        ([word, description]) =>
          `complete -c xebec ${isLeaf ? '' : '-f '}-n ${quoted(condition)} -a ${quoted(word)} -d ${quoted(description)}`,
      ),
      ...options.map((option) => fishOption(option, optionCondition)),
    ];
  });
  return `${lines.join('\n')}\n`;
}

function fishOption(option: Option, condition: string): string {
  const short = option.short ? ` -s ${option.short.slice(1)}` : '';
  const long = option.long ? ` -l ${option.long.slice(2)}` : '';
  const choices = option.argChoices === undefined ? '' : ` -x -a ${quoted(option.argChoices.join(' '))}`;
  const needsValue = choices === '' && option.required ? ' -r' : '';
  return `complete -c xebec -n ${quoted(condition)}${short}${long}${choices}${needsValue} -d ${quoted(option.description)}`;
}
