import { Command } from 'commander';
import { namesOf } from './new/names.ts';
import { newProject, newService } from './new/write.ts';
import { checkoutOf } from './root.ts';

export function newCommand(): Command {
  const command = new Command('new')
    .description('make a project of this folder with one service, or add a service to it')
    .usage('<name> | service <name>')
    .argument('<name>', 'of the first service, as "greeter"')
    .argument('[service]', 'after "new service": of the one that is added')
    .action((first: string, second: string | undefined) => {
      if (second !== undefined && first !== 'service') {
        command.error(
          `error: one name at a time: weft new ${first}, then weft new service ${second}`,
        );
      }
      if (second === undefined && first === 'service') {
        command.error('error: name it: weft new service <name>');
      }
      say(second === undefined ? makeProject(first) : addService(second));
    });
  return command;
}

function makeProject(name: string): readonly string[] {
  const names = namesOf(name);
  const written = newProject(process.cwd(), names);
  return [
    ...written.map((path) => `  ${path}`),
    '',
    'Go on:',
    '  npm install && npm run gen   # the tools of the contract; then types and stubs from proto/',
    '  npm test                     # types and tests, in one process',
    '  npx weft up                  # Consul, NATS and the service; prints how to call it',
  ];
}

function addService(name: string): readonly string[] {
  const names = namesOf(name);
  const written = newService(checkoutOf(), names);
  return [
    ...written.map((path) => `  ${path}`),
    '',
    'Go on:',
    '  npm run gen   # types and stubs from proto/',
    '  npm test      # types and tests, in one process',
    '  npx weft up   # starts it beside the others',
  ];
}

function say(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
