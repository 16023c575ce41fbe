import { writeAsyncApi } from './checks/asyncapi.ts';

/** `make asyncapi`: the document of everything that travels between services. */
writeAsyncApi(process.cwd());
