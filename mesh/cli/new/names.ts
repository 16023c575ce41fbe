import { MeshError } from '../../kernel/error.ts';
import { checkServiceName } from '../../kernel/names.ts';

/** The names that follow from the one of a service: "pick-list". */
export interface ServiceNames {
  /** As Consul knows it: "pick-list". */
  readonly name: string;
  /** Of its proto package and folder: "pick_list". */
  readonly proto: string;
  /** As it stands in types: "PickList". */
  readonly pascal: string;
  /** As it stands in variables: "pickList". */
  readonly camel: string;
}

/** What `weft up` starts beside the services. */
const taken: readonly string[] = ['consul', 'nats', 'weft'];

/** Reads the name of a new service. Throws INVALID_ARGUMENT / INVALID_SERVICE_NAME where none can follow from it. */
export function namesOf(name: string): ServiceNames {
  checkServiceName(name);
  const why = refused(name);
  if (why !== undefined) {
    throw new MeshError(`${JSON.stringify(name)} cannot name a service: ${why}`, {
      status: 'INVALID_ARGUMENT',
      reason: 'INVALID_SERVICE_NAME',
    });
  }
  const words = name.split('-');
  const [first = '', ...rest] = words;
  const [head, tail] = [capitalized(first), rest.map(capitalized).join('')];
  return { name, proto: words.join('_'), pascal: head + tail, camel: first + tail };
}

function refused(name: string): string | undefined {
  if (taken.includes(name)) return 'something that is no service has it; choose another one';
  // The name of a package begins with a letter, and clients pass over "v2" as over a version.
  if (!/^[a-z]/.test(name)) return 'a proto package begins with a letter, as "orders"';
  if (/^v\d/.test(name)) return 'it reads as the version of one; say what it does, as "orders"';
  return name.includes('--') ? 'use single hyphens between words, as "pick-list"' : undefined;
}

const capitalized = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
