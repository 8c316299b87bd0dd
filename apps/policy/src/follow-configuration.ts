// Follows the control plane: every complete update becomes the configuration in force and is kept on disk; what is in force, and what is wrong, goes back.
import { decodeFields, encodeFields } from '@xebec/ca';
import {
  CONFIGURATION_PATH,
  type FollowerReport,
  type PolicyProblem,
  type ReportedProblem,
  readUpdate,
} from '@xebec/policy';
import { type Configuration, createConfigurationReader } from './configuration/configuration.ts';
import type { StreamUse } from './identity/upstream.ts';

export interface ConfigurationFollowing {
  /** What was in force when the process began. */
  readonly first: Configuration;
  readonly node: string;
  readonly onConfiguration: (configuration: Configuration) => void;
  readonly onConnection: (change: 'connected' | 'lost', message: string) => void;
}

export interface ConfigurationStream {
  readonly use: StreamUse;
  /** Where others find this process, once it serves. */
  serves(address: string): void;
  /** Told to the control plane now, and again after every reconnect. */
  applied(revision: number, problems: readonly PolicyProblem[]): void;
}

export function configurationStream(options: ConfigurationFollowing): ConfigurationStream {
  const read = createConfigurationReader(options.first);
  const state: FollowerReport = { node: options.node, address: '', revision: 0, problems: [] };
  let report = state;
  let write: ((message: Buffer) => void) | undefined;
  let isConnected = false;
  const tell = (change: Partial<FollowerReport>): void => {
    report = { ...report, ...change };
    const { problems, ...rest } = report;
    write?.(encodeFields({ ...rest, problems: problems.map((each) => ({ ...each })) }));
  };
  return {
    use: {
      path: CONFIGURATION_PATH,
      opened(send) {
        write = send;
        tell({});
      },
      received(message) {
        const fields = decodeFields(message);
        const update = fields === undefined ? undefined : readUpdate(fields);
        if (update === undefined) return;
        if (!isConnected) options.onConnection('connected', 'follows the control plane');
        isConnected = true;
        const configuration = read(update);
        if (configuration !== undefined) options.onConfiguration(configuration);
      },
      lost(reason) {
        write = undefined;
        if (isConnected) options.onConnection('lost', `the control plane is away: ${reason}`);
        isConnected = false;
      },
    },
    serves: (address) => tell({ address }),
    applied: (revision, problems) => tell({ revision, problems: problems.map(reported) }),
  };
}

const reported = ({ object, diagnostic }: PolicyProblem): ReportedProblem => ({
  object,
  code: diagnostic.code,
  message: diagnostic.message,
  remedy: diagnostic.remedy ?? '',
  field: diagnostic.field ?? '',
});
