/**
 * An inventory on a free port as a process of its own, for tests that kill it: prints its port, and serves until
 * it is killed.
 */
import { InventoryServiceDefinition } from '../../gen/shop/inventory/v1/inventory.ts';
import { createServer } from '../rpc/server/server.ts';
import { weftImage } from '../schema/image.ts';
import { inventory } from './shop-handlers.ts';

const server = createServer({ image: weftImage() });
server.add(InventoryServiceDefinition, inventory());
const { port } = await server.listen();
process.stdout.write(`${String(port)}\n`);
