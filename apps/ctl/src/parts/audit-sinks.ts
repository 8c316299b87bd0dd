// Where a part's audit records go beside their files, as its flags say.
import { openAuditSink } from '@xebec/agent';
import type { Cli } from '../cli.ts';
import { logLine } from './until-signal.ts';

type Sinks = { readonly auditSinks: ReturnType<typeof openAuditSink>[] };

/** They end with the process. */
export const auditSinksOf = (cli: Cli, flags: readonly string[] | undefined, writer: string): Sinks => ({
  auditSinks: (flags ?? []).map((target) =>
    openAuditSink({
      target,
      writer,
      print: (text) => void cli.stdout.write(text),
      onTrouble: (message) => logLine(cli, `warning: ${message}`),
    }),
  ),
});
