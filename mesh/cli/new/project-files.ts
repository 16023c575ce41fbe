import type { ServiceNames } from './names.ts';
import type { Files } from './service-files.ts';

/** What a project has once, beside its services and its package.json; docs/guides/your-own-project.md says the same. */
export function projectFiles(names: ServiceNames): Files {
  return {
    'buf.yaml': bufYaml,
    'buf.gen.yaml': bufGenYaml,
    'tsconfig.json': tsconfig,
    'deploy/weft.yaml': weftYaml(names),
    '.gitignore': gitignore,
    'README.md': readme(names),
  };
}

/** What package.json says beside what it says already. */
export const scripts: Readonly<Record<string, string>> = {
  gen: 'buf generate && buf build --as-file-descriptor-set --output gen/image.binpb',
  test: 'tsc && node --test',
};

/** What a project needs to make code of its contracts, to check its types and to run its tests. */
export const developmentPackages: readonly string[] = [
  '@bufbuild/buf',
  'ts-proto',
  'typescript',
  '@types/node',
];

const bufYaml = `version: v2
modules:
  - path: proto
  - path: node_modules/weft/proto
`;

const bufGenYaml = `version: v2
plugins:
  - local: node_modules/.bin/protoc-gen-ts_proto
    out: gen
    strategy: all
    opt:
      - outputServices=grpc-js
      - outputServices=generic-definitions
      - outputTypeAnnotations=static-only
      - env=node
      - esModuleInterop=true
      - forceLong=bigint
      - oneof=unions-value
      - useDate=false
      - useExactTypes=false
      - removeEnumPrefix=true
      - unrecognizedEnum=false
      - snakeToCamel=keys
      - outputJsonMethods=false
      - importSuffix=.ts
      - enumsAsLiterals=true
      - outputIndex=false
`;

const tsconfig = `{
  "compilerOptions": {
    "target": "es2023", "module": "nodenext", "strict": true, "noEmit": true, "types": ["node"],
    "exactOptionalPropertyTypes": true, "erasableSyntaxOnly": true, "allowImportingTsExtensions": true
  },
  "include": ["src", "test"]
}
`;

const weftYaml = ({ name, proto, pascal }: ServiceNames): string => `services:
  ${name}:
    run: src/${name}/main.ts
    port: 1

examples:
  - title: Say hello
    service: ${name}
    method: ${proto}.v1.${pascal}Service/SayHello
    body: { name: Ada }
`;

const gitignore = `node_modules/
.run/
.tools/
`;

const readme = ({ name, proto, pascal }: ServiceNames): string => `# ${name}

Services on weft: contracts in \`proto/\`, services in \`src/\`, what runs in \`deploy/weft.yaml\`.

    npm run gen    # types, stubs and the image from proto/, after each change there
    npm test       # types and tests; no Consul, no NATS
    npx weft up    # Consul, NATS and the services; weft down ends them
    npx weft call ${proto}.v1.${pascal}Service/SayHello '{"name":"Ada"}'
    npx weft stat  # the last minute: who called whom, how fast

\`npx weft new service <name>\` adds a service.
`;
