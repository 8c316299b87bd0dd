// What to start for a container: the command its image stands for, in the directory of the file that says so.
import * as path from 'node:path';
import type { Container } from '@xebec/config';
import type { Result } from '@xebec/std';
import { succeed } from '@xebec/std';
import { refuse } from '../problem.ts';
import { expand } from './environment.ts';
import type { LocalImages } from './local-images.ts';

export interface ApplicationCommand {
  readonly command: readonly string[];
  readonly directory: string;
}

/** Fails with code `unknown-image` when no file maps the image. */
export function commandOf(container: Container, files: readonly LocalImages[]): Result<ApplicationCommand> {
  const found = files.flatMap(({ directory, images }) =>
    images.filter(({ image }) => image === container.image).map(({ command }) => ({ directory, command })),
  )[0];
  if (found === undefined) return unknownImage(container.image);
  const { directory, command } = found;
  const own = container.command.length > 0 ? container.command : command;
  return succeed({
    command: [...own, ...container.args],
    directory: path.resolve(directory, container.workingDir ?? '.'),
  });
}

const unknownImage = (image: string): Result<never> =>
  refuse({
    code: 'unknown-image',
    message: `image ${image} has no command in xebec.local.yaml`,
    remedy: `add "- {image: ${JSON.stringify(image)}, command: [PROGRAM, ARGUMENT]}" under images`,
  });

/** With variables filled in; `node` is the Node that runs us, so that it need not be on the PATH. */
export function finishCommand(
  { command }: ApplicationCommand,
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const [program = '', ...args] = command.map((part) => expand(part, environment));
  return [program === 'node' ? process.execPath : program, ...args];
}
