// xebec agent iptables: the options of capture, named as the annotations that mean the same.
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Cli } from '../cli.ts';
import type { Finish } from './command.ts';

export interface IptablesFlags {
  readonly dryRun?: boolean;
  readonly clean?: boolean;
  readonly backend: 'auto' | 'iptables' | 'nftables';
  readonly interceptionMode: 'REDIRECT' | 'TPROXY' | 'NONE';
  readonly outboundPort: number;
  readonly inboundPort: number;
  readonly proxyUid: number;
  readonly proxyGid: number;
  readonly includeInboundPorts: '*' | readonly number[];
  readonly excludeInboundPorts?: readonly number[];
  readonly includeOutboundPorts?: readonly number[];
  readonly excludeOutboundPorts?: readonly number[];
  readonly includeOutboundIpRanges: '*' | readonly string[];
  readonly excludeOutboundIpRanges?: readonly string[];
  readonly excludeOutboundUids?: readonly number[];
  readonly excludeOutboundGids?: readonly number[];
  readonly excludeInterfaces?: readonly string[];
  readonly rerouteInterfaces?: readonly string[];
  readonly dns?: true | number;
  readonly udp: boolean;
  readonly ipv6: boolean;
  readonly output: 'table' | 'json';
}

const items = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const number =
  (least: number, most: number, what: string) =>
  (text: string): number => {
    if (!/^\d{1,10}$/.test(text) || Number(text) < least || Number(text) > most)
      throw new InvalidArgumentError(`"${text}" is not ${what}; write a number from ${least} to ${most}.`);
    return Number(text);
  };

const port = number(1, 65_535, 'a port');
const owner = number(0, 0xffff_fffe, 'a user or group id');
const ports = (text: string): readonly number[] => items(text).map(port);
const owners = (text: string): readonly number[] => items(text).map(owner);
const orAll =
  <T>(read: (text: string) => T) =>
  (text: string): '*' | T =>
    text.trim() === '*' ? '*' : read(text);

const list = (flags: string, description: string, read: (text: string) => readonly unknown[]): Option =>
  new Option(`${flags} <list>`, description).argParser(read);

export function defineIptables(agent: Command, cli: Cli, finish: Finish): void {
  const command = agent
    .command('iptables')
    .description(
      'put the rules of transparent capture in force in this network namespace, print them, or take them away',
    )
    .option('--dry-run', 'print the rules, change nothing')
    .option('--clean', 'take away exactly what this command has put in force')
    .addOption(
      new Option('--backend <name>', 'kind of rules; auto: iptables where it works')
        .choices(['auto', 'iptables', 'nftables'])
        .default('auto'),
    )
    .addOption(
      new Option('--interception-mode <mode>', 'how inbound connections reach the proxy')
        .choices(['REDIRECT', 'TPROXY', 'NONE'])
        .default('REDIRECT'),
    );
  for (const option of [...selections(), ...places()]) command.addOption(option);
  command
    .option('--no-udp', 'do not capture datagrams')
    .option('--no-ipv6', 'IPv4 only')
    .addOption(
      new Option('-o, --output <format>', 'output format').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: IptablesFlags) => {
      const { runIptables } = await import('../parts/capture-rules.ts');
      finish(await runIptables(cli, flags));
    });
}

/** Which traffic. */
const selections = (): Option[] => [
  new Option('--include-inbound-ports <list>', 'ports to capture, * for all')
    .argParser(orAll(ports))
    .default('*'),
  list('--exclude-inbound-ports', 'ports to leave alone, beside those of the proxy itself', ports),
  list('--include-outbound-ports', 'ports to capture whatever the address is', ports),
  list('--exclude-outbound-ports', 'ports to leave alone', ports),
  new Option('--include-outbound-ip-ranges <list>', 'blocks to capture, * for all')
    .argParser(orAll(items))
    .default('*'),
  list('--exclude-outbound-ip-ranges', 'blocks to leave alone', items),
  list('--exclude-outbound-uids', "users whose connections are left alone, beside the proxy's", owners),
  list('--exclude-outbound-gids', "groups whose connections are left alone, beside the proxy's", owners),
  list('--exclude-interfaces', 'network interfaces to leave alone', items),
  list('--reroute-interfaces', 'interfaces of virtual machines: what comes in is outbound', items),
];

/** Where it goes. */
const places = (): Option[] => [
  new Option('--outbound-port <port>', 'where the proxy takes outbound connections')
    .argParser(port)
    .default(15_001),
  new Option('--inbound-port <port>', 'where the proxy takes inbound connections')
    .argParser(port)
    .default(15_006),
  new Option('--proxy-uid <id>', 'user of the proxy, which is never captured').argParser(owner).default(1337),
  new Option('--proxy-gid <id>', 'group of the proxy, which is never captured')
    .argParser(owner)
    .default(1337),
  new Option(
    '--dns [port]',
    'send DNS queries to the resolver at this port of 127.0.0.1 and ::1 (15053)',
  ).argParser(port),
];
