// The grammar: help, wrong usage, exit codes, completions, versions; all without a mesh.
import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkspace, type Workspace } from './support/run-cli.ts';

let work: Workspace;
beforeAll(() => {
  work = openWorkspace();
});
afterAll(() => work.dispose());

const commands = [
  ...['up', 'down', 'apply', 'delete', 'rollback', 'history', 'validate', 'get'],
  ...[
    'proxy-status',
    'proxy-config',
    'logs',
    'version',
    'controlplane',
    'agent',
    'completion',
    'authz',
    'policy',
    'test',
  ],
];

describe('help', () => {
  it('lists every command and exits with 0', async () => {
    const { code, stdout, stderr } = await work.run(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
  });

  it.each(commands)('explains %s', async (command) => {
    const { code, stdout } = await work.run([command, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: xebec ${command}`));
  });

  it('shows examples', async () => {
    expect((await work.run(['apply', '--help'])).stdout).toContain(
      'Examples:\n  xebec apply -f routes.yaml --wait',
    );
  });
});

describe('wrong usage exits with 2 and says where to look', () => {
  it.each([
    [['nonsense'], "unknown command 'nonsense'"],
    [['up', '--nonsense'], "unknown option '--nonsense'"],
    [['up', '--capture', 'magic'], 'Allowed choices are auto, explicit, transparent'],
    [['up', '--ingress-port', '99999'], 'write a port between 0 and 65535'],
    [['apply'], "required option '-f, --filename"],
    [['apply', '-f', 'a.yaml', '--wait=soon'], 'write a duration such as 30s or 2m'],
    [['delete'], 'give either -f FILE, or KIND and NAME'],
    [['delete', 'vs'], 'give either -f FILE, or KIND and NAME'],
    [['get'], "missing required argument 'kind'"],
    [['get', 'pods', '-o', 'xml'], 'Allowed choices are table, yaml, json'],
    [['rollback', 'yesterday'], 'write the number of a revision'],
    [['logs', 'a', '--envoy', '--access'], "option '--envoy' cannot be used with option '--access'"],
    [['controlplane', '--xds-plaintext', '15010'], 'write HOST:PORT'],
    [['authz', 'check'], "required option '--to"],
    [['authz', 'check', '--to', 'a', '--header', 'x'], 'write NAME=VALUE'],
    [['authz', 'check', '--to', 'a', '--at', 'then'], 'write the number of a revision'],
    [['policy', 'eval', 'a', '--language', 'sql'], 'Allowed choices are istio, cel'],
    [['test', '-o', 'xml'], 'Allowed choices are table, json, junit'],
    [['completion', 'tcsh'], 'Allowed choices are bash, zsh, fish'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await work.run(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr).toContain('--help" shows how it is used');
  });

  it('suggests what was probably meant', async () => {
    expect((await work.run(['aply'])).stderr).toContain('Did you mean apply?');
  });
});

describe('without a mesh', () => {
  it.each([
    [['get', 'pods']],
    [['apply', '-f', '-']],
    [['delete', 'vs', 'reviews']],
    [['history']],
    [['rollback', '1']],
    [['proxy-status']],
    [['proxy-config', 'cluster', 'reviews-v1']],
  ])('%j says so and how to start one', async (args) => {
    const { code, stdout, stderr } = await work.run(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `error: no mesh is running in ${work.state}; start one with "xebec up", or name another with --state [no-mesh]\n`,
    );
  });

  it('down has nothing to do', async () => {
    const { code, stdout } = await work.run(['down']);
    expect([code, stdout]).toEqual([0, `no mesh is running in ${work.state}\n`]);
  });

  it('version tells what there is', async () => {
    const { code, stdout } = await work.run(['version', '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      client: expect.any(String),
      controlPlane: null,
      envoy: expect.any(String),
    });
  });

  it('an unknown kind names the known ones', async () => {
    const { code, stderr } = await work.run(['get', 'unicorns']);
    expect(code).toBe(1);
    expect(stderr).toContain('"unicorns" is not a kind');
    expect(stderr).toContain('virtualservices|vs');
  });
});

describe('completions', () => {
  const complete = async (words: readonly string[]): Promise<readonly string[]> => {
    const { stdout } = await work.run(['completion', 'bash']);
    const ask = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _xebec; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', ask], { encoding: 'utf8', timeout: 30_000, killSignal: 'SIGKILL' })
      .trim()
      .split('\n');
  };

  it('knows commands, subcommands, kinds, options and their values', async () => {
    expect(await complete(['xebec', 'proxy-s'])).toEqual(['proxy-status']);
    expect(await complete(['xebec', 'proxy-config', 'end'])).toEqual(['endpoint']);
    expect(await complete(['xebec', 'get', 'virt'])).toEqual(['virtualservices']);
    expect(await complete(['xebec', 'up', '--det'])).toEqual(['--detach']);
    expect(await complete(['xebec', 'up', '--capture', ''])).toEqual(['auto', 'explicit', 'transparent']);
  });

  it.each(['bash', 'zsh', 'fish'])('are good %s', async (shell) => {
    const { code, stdout } = await work.run(['completion', shell]);
    expect(code).toBe(0);
    expect(stdout).toContain('proxy-status');
    const checked = spawnSync(shell, ['-n'], {
      input: stdout,
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    });
    if (checked.error === undefined) expect(checked.stderr).toBe('');
  });
});

describe('the agent on paper', () => {
  it('prints the rules of transparent capture', async () => {
    const { code, stdout } = await work.run(['agent', 'iptables', '--dry-run']);
    expect(code).toBe(0);
    expect(stdout).toContain('--to-ports 15001');
    const nft = await work.run(['agent', 'iptables', '--dry-run', '--backend', 'nftables']);
    expect(nft.stdout).toContain('15006');
  });
});

describe('speed', () => {
  it('help loads nothing that it does not need', async () => {
    // Against the same Node doing nothing, so that a slow machine changes nothing: best of several.
    const best = async (measure: () => Promise<unknown>): Promise<number> => {
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const startedAt = performance.now();
        await measure();
        times.push(performance.now() - startedAt);
      }
      return Math.min(...times);
    };
    const help = await best(() => work.run(['--help']));
    const nothing = await best(async () =>
      spawnSync(process.execPath, ['-e', '0'], { timeout: 30_000, killSignal: 'SIGKILL' }),
    );
    expect(help).toBeLessThan(nothing * 6 + 50);
  });
});
