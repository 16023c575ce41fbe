import type {
  ServerReflectionDefinition,
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '../../../gen/grpc/reflection/v1/reflection.ts';
import { MeshError } from '../../kernel/error.ts';
import { statusCode } from '../../kernel/status.ts';
import type { Image } from '../../schema/image.ts';
import { createSymbols, type Symbols } from '../../schema/symbols.ts';
import type { Implementation } from './implementation.ts';

type Answer = NonNullable<ServerReflectionResponse['messageResponse']>;
type Question = ServerReflectionRequest['messageRequest'];

/**
 * Reflection from the raw files of the image, so that tools see what the compiler wrote: imports, comments'
 * positions and custom options. The two versions of the protocol have the same messages; one answers both.
 *
 * `services` names what this server serves; the files of everything in the image can be asked for.
 */
export function createReflection(
  image: Image,
  services: () => readonly string[],
): Implementation<ServerReflectionDefinition> {
  // Made on first use: most processes are never asked.
  let symbols: Symbols | undefined;
  return {
    async *serverReflectionInfo(requests, { draining }) {
      symbols ??= createSymbols(image);
      const sent = new Set<string>();
      for await (const request of requests) {
        yield {
          validHost: request.host,
          originalRequest: request,
          messageResponse: answerTo(request.messageRequest, { symbols, services, sent }),
        };
        // A tool that keeps its stream open would hold up the drain.
        if (draining.aborted) throw goingAway();
      }
    },
  };
}

interface Knowledge {
  readonly symbols: Symbols;
  readonly services: () => readonly string[];
  /** Files this stream has been given; an import is not sent twice. */
  readonly sent: Set<string>;
}

function answerTo(question: Question, { symbols, services, sent }: Knowledge): Answer {
  switch (question?.$case) {
    case 'fileByFilename':
      return filesAnswer(symbols.file(question.value), question.value, { symbols, sent });
    case 'fileContainingSymbol':
      return filesAnswer(symbols.fileOfSymbol(question.value), question.value, { symbols, sent });
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const file = symbols.fileOfExtension(containingType, extensionNumber);
      const asked = `extension ${String(extensionNumber)} of ${containingType}`;
      return filesAnswer(file, asked, { symbols, sent });
    }
    case 'allExtensionNumbersOfType': {
      const numbers = symbols.extensionNumbers(question.value);
      if (numbers === undefined) return notFound(question.value);
      const value = { baseTypeName: question.value, extensionNumber: numbers };
      return { $case: 'allExtensionNumbersResponse', value };
    }
    case 'listServices': {
      const service = services().map((name) => ({ name }));
      return { $case: 'listServicesResponse', value: { service } };
    }
    case undefined:
      return errorAnswer(statusCode.INVALID_ARGUMENT, 'the request asks for nothing');
  }
}

/** The file and all it imports, because some tools never ask for imports. */
function filesAnswer(
  name: string | undefined,
  asked: string,
  { symbols, sent }: Pick<Knowledge, 'symbols' | 'sent'>,
): Answer {
  if (name === undefined) return notFound(asked);
  const imports = symbols.imports(name).filter((file) => !sent.has(file));
  const names = [name, ...imports];
  for (const each of names) sent.add(each);
  const fileDescriptorProto = names.map((each) => Buffer.from(symbols.bytes(each)));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function notFound(asked: string): Answer {
  return errorAnswer(statusCode.NOT_FOUND, `not found: ${asked.slice(0, 200)}`);
}

function errorAnswer(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}

function goingAway(): MeshError {
  const message = 'this instance is shutting down; ask another one';
  return new MeshError(message, { status: 'UNAVAILABLE', reason: 'SERVER_STOPPING' });
}
