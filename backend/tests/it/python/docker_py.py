"""The SDK of Python against the daemon at DOCKER_HOST: what scripts, Ansible and docker-compose 1 do with it. Run by
docker_py.rs; every test cleans up behind itself."""

import io
import socket
import tarfile
import threading
import time
import unittest

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound
from docker.types import EndpointConfig, IPAMConfig, IPAMPool, LogConfig, Mount, Ulimit

client = docker.from_env(timeout=30)


def until(condition, what):
    """Waits until it is true."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for {what}"
        time.sleep(0.02)


class Clean(unittest.TestCase):
    """Takes away what a test has made."""

    def tearDown(self):
        for container in client.containers.list(all=True):
            container.remove(force=True, v=True)
        client.networks.prune()
        client.volumes.prune(filters={"all": True})

    def sleeper(self, name, **options):
        """Starts a container that sleeps."""
        container = client.containers.run("busybox", ["sleep", "1000"], detach=True, name=name, **options)
        self.until_it_sleeps(container)
        return container

    def until_it_sleeps(self, container):
        """The runtime has started it a little before it becomes what it is to be: a program that heeds other signals."""
        shown = lambda: [row[-1].split()[-2:] for row in container.top(ps_args="-eo pid,args")["Processes"]]
        until(lambda: ["sleep", "1000"] in shown(), "its process")


class Engine(Clean):
    def test_says_what_it_is(self):
        self.assertTrue(client.ping())
        version = client.version()
        self.assertEqual((version["ApiVersion"], version["Os"]), ("1.50", "linux"))
        info = client.info()
        for key in ("ID", "Containers", "Images", "Driver", "Plugins", "MemTotal", "Name", "Swarm", "SecurityOptions"):
            self.assertIn(key, info)
        self.assertEqual(client.df()["Containers"], [])
        self.assertEqual(client.plugins.list(), [])

    def test_knows_no_swarm(self):
        with self.assertRaises(APIError) as refused:
            client.services.list()
        self.assertEqual(refused.exception.status_code, 503)


class Containers(Clean):
    def test_runs_one_to_its_end(self):
        self.assertEqual(client.containers.run("busybox", ["echo", "hi"], remove=True), b"hi\n")
        with self.assertRaises(ContainerError) as failed:
            client.containers.run("busybox", "sh -c 'echo bad >&2; exit 3'", remove=True, stderr=True)
        self.assertEqual(failed.exception.exit_status, 3)
        self.assertIn(b"bad", failed.exception.stderr)
        with self.assertRaises(ImageNotFound):
            client.api.create_container("nosuch", "true")
        with self.assertRaises(APIError) as refused:
            client.containers.run("busybox", "nosuch")
        self.assertIn("executable file not found in $PATH", str(refused.exception))

    def test_has_the_keys_that_scripts_read(self):
        container = self.sleeper("keys", labels={"a": "b"}, environment={"X": "1"}, ports={"80/tcp": 8080})
        container.reload()
        attrs = container.attrs
        self.assertEqual(attrs["HostConfig"]["LogConfig"], {"Type": "json-file", "Config": {}})
        self.assertEqual(attrs["Config"]["Labels"], {"a": "b"})
        self.assertEqual(attrs["HostConfig"]["RestartPolicy"]["Name"], "no")
        self.assertIsNone(attrs["HostConfig"]["Binds"])
        self.assertIsNone(attrs["Config"]["Entrypoint"])
        self.assertIn("X=1", attrs["Config"]["Env"])
        self.assertEqual(attrs["State"]["FinishedAt"], "0001-01-01T00:00:00Z")
        self.assertEqual(container.ports["80/tcp"][0], {"HostIp": "0.0.0.0", "HostPort": "8080"})
        self.assertEqual(container.status, "running")
        self.assertEqual(container.image.tags, ["busybox:latest"])
        self.assertEqual(container.short_id, container.id[:12])

    def test_lives(self):
        container = self.sleeper("life")
        container.pause()
        container.reload()
        self.assertEqual(container.status, "paused")
        container.unpause()
        container.rename("other")
        container.update(mem_limit="64m", memswap_limit="128m")
        container.reload()
        self.assertEqual((container.name, container.attrs["HostConfig"]["Memory"]), ("other", 64 << 20))
        container.restart(timeout=0)
        self.until_it_sleeps(container)
        container.kill(signal="SIGKILL")
        self.assertEqual(container.wait()["StatusCode"], 137)
        self.assertEqual(container.wait(condition="not-running")["StatusCode"], 137)
        container.remove()
        with self.assertRaises(NotFound):
            client.containers.get("other")

    def test_is_listed_by_filters(self):
        self.sleeper("web", labels=["tier"])
        client.containers.create("busybox", name="made")
        names = lambda **filters: sorted(c.name for c in client.containers.list(all=True, filters=filters))
        self.assertEqual(names(), ["made", "web"])
        self.assertEqual(names(status="created"), ["made"])
        self.assertEqual(names(label="tier", name=["web", "made"]), ["web"])
        self.assertEqual(names(label=["tier", "none"]), [])
        self.assertEqual(names(ancestor="busybox:latest", before="made"), ["web"])
        self.assertEqual([c.name for c in client.containers.list()], ["web"])
        self.assertEqual(client.containers.prune()["ContainersDeleted"].__len__(), 1)

    def test_is_confined_as_asked(self):
        client.volumes.create("data")
        container = self.sleeper(
            "confined", mem_limit="64m", nano_cpus=500_000_000, pids_limit=200, cap_drop=["ALL"], read_only=True,
            tmpfs={"/run": "size=1m"}, ulimits=[Ulimit(name="nofile", soft=64, hard=128)], user="1000", init=True,
            mounts=[Mount("/data", "data"), Mount("/ro", "data", read_only=True)], working_dir="/tmp",
            extra_hosts={"there": "192.0.2.7"}, sysctls={"net.core.somaxconn": "99"}, hostname="hh",
            log_config=LogConfig(type=LogConfig.types.JSON, config={"max-size": "1m"}),
            healthcheck={"test": ["CMD", "true"], "interval": 100_000_000},
        )
        say = lambda *command: container.exec_run(list(command)).output.decode().strip()
        self.assertEqual(say("id", "-u"), "1000")
        self.assertEqual(say("pwd"), "/tmp")
        self.assertEqual(say("hostname"), "hh")
        # runc 1.1 sets it while its child begins, which raises it to the hard one: now and then the child is later.
        until(lambda: say("sh", "-c", "ulimit -n") == "64", "its limit of descriptors")
        self.assertIn("192.0.2.7", say("cat", "/etc/hosts"))
        self.assertEqual(say("cat", "/proc/sys/net/core/somaxconn"), "99")
        self.assertEqual(container.exec_run(["touch", "/x"]).exit_code, 1)
        until(lambda: client.containers.get("confined").health == "healthy", "its health")

    def test_files_go_both_ways(self):
        container = self.sleeper("files")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            entry = tarfile.TarInfo("note")
            entry.size, entry.mode = 5, 0o640
            archive.addfile(entry, io.BytesIO(b"hello"))
        self.assertTrue(container.put_archive("/tmp", packed.getvalue()))
        chunks, stat = container.get_archive("/tmp/note")
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            self.assertEqual(archive.extractfile("note").read(), b"hello")
        self.assertEqual((stat["name"], stat["size"], stat["mode"]), ("note", 5, 0o640))
        self.assertIn({"Path": "/tmp/note", "Kind": 1}, container.diff())
        with tarfile.open(fileobj=io.BytesIO(b"".join(container.export()))) as archive:
            self.assertIn("tmp/note", archive.getnames())
        with self.assertRaises(NotFound):
            container.get_archive("/nope")

    def test_stats_are_told_once_and_again(self):
        container = self.sleeper("stats")
        once = container.stats(stream=False)
        self.assertGreater(once["memory_stats"]["usage"], 0)
        self.assertIn("eth0", once["networks"])
        stream = container.stats(decode=True)
        self.assertGreater(next(stream)["pids_stats"]["current"], 0)
        stream.close()


class Streams(Clean):
    def test_commands_end_with_their_codes(self):
        container = self.sleeper("exec")
        done = container.exec_run(["sh", "-c", "echo out; echo err >&2; exit 4"], demux=True)
        self.assertEqual((done.exit_code, done.output), (4, (b"out\n", b"err\n")))
        streamed = container.exec_run(["sh", "-c", "echo one; echo two"], stream=True).output
        self.assertEqual(b"".join(streamed), b"one\ntwo\n")
        environment = container.exec_run("sh -c 'echo $A $PWD'", environment={"A": "1"}, workdir="/tmp")
        self.assertEqual(environment.output, b"1 /tmp\n")
        self.assertFalse(container.exec_run("echo unheard", detach=True).output)

    def test_a_command_is_talked_to(self):
        container = self.sleeper("talk")
        exec_id = client.api.exec_create(container.id, ["cat"], stdin=True)["Id"]
        self.assertIsNone(client.api.exec_inspect(exec_id)["ExitCode"])
        connection = client.api.exec_start(exec_id, socket=True)
        connection._sock.sendall(b"hello\n")
        self.assertEqual(connection._sock.recv(14, socket.MSG_WAITALL), b"\x01\0\0\0\0\0\0\x06hello\n")
        connection._sock.shutdown(1)
        until(lambda: client.api.exec_inspect(exec_id)["Running"] is False, "its end")
        self.assertEqual(client.api.exec_inspect(exec_id)["ExitCode"], 0)
        connection.close()

    def test_output_is_read_while_and_after(self):
        container = client.containers.create("busybox", ["sh", "-c", "echo one; echo two >&2; echo three"], name="out")
        stream = container.attach(stream=True, logs=True)
        container.start()
        self.assertEqual(sorted(b"".join(stream).split()), [b"one", b"three", b"two"])
        self.assertEqual(container.logs(stderr=False), b"one\nthree\n")
        self.assertEqual(container.logs(stdout=False), b"two\n")
        self.assertEqual(len(container.logs(tail=2).splitlines()), 2)
        self.assertRegex(container.logs(tail=1, timestamps=True).decode(), r"^\d{4}-\d\d-\d\dT[\d:.]+Z ")
        self.assertEqual(container.logs(since=int(time.time()) + 60), b"")

    def test_a_log_is_followed(self):
        container = client.containers.run(
            "busybox", ["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"], detach=True, name="follow")
        self.assertEqual(list(container.logs(stream=True, follow=True)), [b"1\n", b"2\n", b"3\n"])

    def test_a_terminal_is_attached(self):
        container = client.containers.create("busybox", "sh", name="tty", tty=True, stdin_open=True)
        connection = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
        container.start()
        container.resize(20, 60)
        # The monitor gives the terminal its size, and what is typed, in an order of its own.
        connection._sock.sendall(b"until stty size | grep '^2[0] 6[0]'; do sleep 0.1; done; exit 6\n")
        heard = b""
        while b"20 60" not in heard:
            piece = connection._sock.recv(4096)
            self.assertTrue(piece, heard)
            heard += piece
        self.assertEqual(container.wait()["StatusCode"], 6)
        connection.close()


class Networks(Clean):
    def test_are_made_joined_and_left(self):
        pool = IPAMPool(subnet="10.77.0.0/24", gateway="10.77.0.254", iprange="10.77.0.128/25")
        network = client.networks.create("lab", ipam=IPAMConfig(pool_configs=[pool]), labels={"a": "b"}, options={
            "com.docker.network.driver.mtu": "1400"})
        network.reload()
        self.assertEqual(network.attrs["IPAM"]["Config"], [
            {"Subnet": "10.77.0.0/24", "IPRange": "10.77.0.128/25", "Gateway": "10.77.0.254"}])
        self.assertEqual(network.attrs["Options"]["com.docker.network.driver.mtu"], "1400")
        settings = {"lab": EndpointConfig("1.50", aliases=["www"], ipv4_address="10.77.0.200")}
        web = self.sleeper("web", network="lab", networking_config=settings)
        peer = self.sleeper("peer")
        network.connect(peer, aliases=["friend"], ipv4_address="10.77.0.201")
        self.assertEqual(peer.exec_run("ping -c 1 -w 30 www").exit_code, 0)
        self.assertEqual(web.exec_run("ping -c 1 -w 30 friend").exit_code, 0)
        network.reload()
        self.assertEqual(sorted(c.name for c in network.containers), ["peer", "web"])
        with self.assertRaises(APIError) as refused:
            network.remove()
        self.assertEqual(refused.exception.status_code, 403)
        network.disconnect(peer)
        self.assertNotIn("lab", client.containers.get("peer").attrs["NetworkSettings"]["Networks"])
        web.remove(force=True)
        network.remove()
        self.assertEqual(sorted(n.name for n in client.networks.list()), ["bridge", "host", "none"])
        self.assertEqual(client.networks.list(names=["lab"]), [])


class Volumes(Clean):
    def test_are_made_used_and_pruned(self):
        volume = client.volumes.create("data", labels={"a": "b"})
        self.assertEqual((volume.name, volume.attrs["Driver"]), ("data", "local"))
        mount = {"data": {"bind": "/data", "mode": "rw"}}
        client.containers.run("busybox", ["sh", "-c", "echo kept > /data/note"], remove=True, volumes=mount)
        self.assertEqual(client.containers.run("busybox", ["cat", "/data/note"], remove=True, volumes=mount), b"kept\n")
        self.assertEqual([v.name for v in client.volumes.list(filters={"label": "a=b"})], ["data"])
        volume.remove()
        with self.assertRaises(NotFound):
            client.volumes.get("data")


class Images(Clean):
    def test_are_built_tagged_saved_and_loaded(self):
        dockerfile = b"FROM busybox\nENV A=1\nRUN echo built > /note\nCMD [\"cat\", \"/note\"]\n"
        image, lines = client.images.build(fileobj=io.BytesIO(dockerfile), tag="own:1", rm=True)
        self.assertTrue(any("Successfully built" in line.get("stream", "") for line in lines))
        self.assertEqual(client.containers.run("own:1", remove=True), b"built\n")
        self.assertTrue(image.tag("own", "2"))
        self.assertEqual(sorted(client.images.get("own:2").tags), ["own:1", "own:2"])
        saved = b"".join(image.save(named="own:1"))
        client.images.remove("own:1")
        client.images.remove("own:2", force=True)
        self.assertEqual([i.tags for i in client.images.load(saved)], [["own:1"]])
        self.assertTrue(client.images.get("own:1").history())
        client.images.remove("own:1")
        with self.assertRaises(ImageNotFound):
            client.images.get("own:1")


class Events(Clean):
    def test_are_heard_as_they_happen(self):
        heard, events = [], client.events(decode=True, filters={"type": "container", "container": "told"})
        listener = threading.Thread(target=lambda: heard.extend(iter_until(events, "destroy")))
        listener.start()
        container = self.sleeper("told", labels={"a": "b"})
        container.stop(timeout=0)
        container.remove()
        listener.join(30)
        events.close()
        # The sleeper was looked at.
        heard = [event for event in heard if event["status"] != "top"]
        self.assertEqual([event["status"] for event in heard], ["create", "start", "kill", "kill", "stop", "die", "destroy"])
        self.assertTrue(all(event["Actor"]["Attributes"]["a"] == "b" and event["from"] == "busybox" for event in heard))


def iter_until(events, last):
    """Events up to the last one."""
    for event in events:
        yield event
        if event["Action"] == last:
            return


if __name__ == "__main__":
    unittest.main(verbosity=2)
