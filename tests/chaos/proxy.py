"""A TCP proxy that forwards, cuts, falls silent (half-open) or delays; in front of Redis and PostgreSQL."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

CHUNK_BYTES = 65_536


class Mode(StrEnum):
    FORWARD = "forward"
    CUT = "cut"
    SILENT = "silent"


class Proxy:
    """`silent` keeps every connection open and says nothing on it, as a firewall that drops packets does."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        assert parts.hostname and parts.port
        self._parts, self._upstream = parts, (parts.hostname, parts.port)
        self._mode, self._delay_s = Mode.FORWARD, 0.0
        self._loop = asyncio.new_event_loop()
        # nobody else holds a task that waits at its gate once the client has gone
        self._gates: set[asyncio.Event] = set()
        self._frozen: set[asyncio.Event] = set()
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self.port = 0

    @property
    def url(self) -> str:
        """The upstream's address with the proxy's port in it."""
        host = self._parts.netloc.rpartition("@")[0]
        return urlunsplit(self._parts._replace(netloc=f"{host}@127.0.0.1:{self.port}"))

    def reached(self, url: str) -> str:
        """Another address of the upstream (another database of it), through the proxy."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self.port}"))

    def start(self) -> None:
        self._thread.start()
        self._run(self._listen())

    def stop(self) -> None:
        self.cut()
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def forward(self) -> None:
        self._set(Mode.FORWARD)

    def cut(self) -> None:
        """Reset what is connected and refuse what comes."""
        self._set(Mode.CUT)

    def silence(self) -> None:
        self._set(Mode.SILENT)

    def freeze_connections(self) -> None:
        """Half-open: what is connected stays so and hears nothing any more; what comes next is served."""
        self._run(self._freeze())

    def drop_connections(self) -> None:
        """Reset what is connected; what comes next is served."""
        self._run(self._reset_now())

    def delay(self, seconds: float) -> None:
        """Before each piece that is forwarded."""
        self._delay_s = seconds

    def _set(self, mode: Mode) -> None:
        self._run(self._become(mode))

    async def _become(self, mode: Mode) -> None:
        self._mode = mode
        for gate in self._gates:
            (gate.clear if mode is Mode.SILENT else gate.set)()
        if mode is Mode.CUT:
            self._reset()
            for gate in self._frozen:
                gate.set()

    async def _freeze(self) -> None:
        for gate in self._gates:
            gate.clear()
        self._frozen |= self._gates
        self._gates.clear()

    async def _reset_now(self) -> None:
        self._reset()

    def _reset(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        # those that are cancelled cancel others in their turn
        while left := [task for task in asyncio.all_tasks() if task is not mine]:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        gate = self._gate()
        try:
            if self._mode is Mode.CUT:
                return
            await gate.wait()
            there, back = await asyncio.open_connection(*self._upstream)
            self._open.add(back)
            pumps = [
                asyncio.ensure_future(self._pump(reader, back, gate)),
                asyncio.ensure_future(self._pump(there, writer, gate)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                self._forget(back)
        except (OSError, asyncio.CancelledError):
            # asyncio complains of a connection's task that ends as cancelled
            return
        finally:
            self._forget(writer)
            self._gates.discard(gate)
            self._frozen.discard(gate)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(CHUNK_BYTES):
                await gate.wait()
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                sink.write(piece)
                await sink.drain()

    def _gate(self) -> asyncio.Event:
        gate = asyncio.Event()
        if self._mode is not Mode.SILENT:
            gate.set()
        self._gates.add(gate)
        return gate

    def _forget(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.transport.abort()

    def _run(self, work) -> None:  # type: ignore[no-untyped-def]
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    proxy = Proxy(upstream)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
