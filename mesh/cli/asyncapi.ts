import { Command } from 'commander';
import { stringify } from 'yaml';
import { asyncApiOf } from '../events/asyncapi/document.ts';
import { type Image, readImage } from '../schema/image.ts';

export interface AsyncApiText {
  readonly title: string;
  readonly version: string;
}

/** The AsyncAPI document of an image, as YAML. */
export function renderAsyncApi(image: Image, text: AsyncApiText): string {
  return stringify(asyncApiOf(image, text), { lineWidth: 120 });
}

export function asyncApiCommand(): Command {
  return new Command('asyncapi')
    .description('describe every channel and message of an image as AsyncAPI 3')
    .option('--image <path>', 'a descriptor set, as "buf build" writes it', 'gen/image.binpb')
    .option('--title <title>', 'of the document', 'Messages')
    .option('--api-version <version>', 'of the contracts', '0.0.0')
    .action((options: { image: string; title: string; apiVersion: string }) => {
      const { image, title, apiVersion: version } = options;
      process.stdout.write(renderAsyncApi(readImage(image), { title, version }));
    });
}
