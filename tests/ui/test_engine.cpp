// SPDX-License-Identifier: GPL-3.0-or-later
// The local engine's process: started, found out when it fails, noticed when it is killed, started again. A script
// stands in for the engine; it prints what the engine prints.
#include "ui/base/notices.h"
#include "ui/base/settings.h"
#include "ui/engine/engine_link.h"
#include "ui/engine/engine_report.h"
#include "ui/engine/local_engine.h"
#include "ui/shell/status_model.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>

using namespace fulgurite;

class TestEngine : public QObject {
    Q_OBJECT

  private slots:
    void startsListensAndStops();
    void tokenIsPrivateAndGone();
    void failureCarriesTheLog();
    void killedEngineIsLostAndRestarts();
    void anEngineThatTakesItsTimeToEndHoldsNobodyUp();
    void missingProgramAndModelAreSaid();
    void bytesAreReadable();
};

namespace {

constexpr int kPatience = 30000; // ms; a busy machine takes its time to start a process

const char* const kServing = R"(#!/bin/sh
echo "$@" > "$FULGURITE_TEST_ARGS"
while [ $# -gt 0 ]; do [ "$1" = --token-file ] && stat -c %a "$2" >> "$FULGURITE_TEST_ARGS"; shift; done
echo '{"event":"listening","host":"127.0.0.1","port":9,"pid":1}'
echo 'the log says something' >&2
cat > /dev/null
)";
const char* const kFailing = R"(#!/bin/sh
echo 'config.json: unknown layer type "sideways"' >&2
exit 3
)";

Paths pathsIn(const QTemporaryDir& folder) {
    Paths paths = Paths::inside(folder.path());
    paths.runtime = folder.filePath("runtime");
    paths.create();
    return paths;
}

struct Fixture {
    QTemporaryDir folder;
    Settings settings{folder.filePath("settings.ini")};
    Paths paths = pathsIn(folder);
    LocalEngine engine{settings, paths};

    explicit Fixture(const char* script) {
        QFile file(folder.filePath("engine"));
        if (file.open(QIODevice::WriteOnly))
            file.write(script);
        file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        qputenv("FULGURITE_ENGINE", file.fileName().toLocal8Bit());
        qputenv("FULGURITE_TEST_ARGS", folder.filePath("args").toLocal8Bit());
        settings.set(keys::kModelFolder, folder.path());
    }
    QByteArray arguments() const {
        QFile file(folder.filePath("args"));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }
};

} // namespace

void TestEngine::startsListensAndStops() {
    Fixture fixture(kServing);
    fixture.settings.set(keys::kThreads, 2);
    fixture.engine.start();
    QCOMPARE(fixture.engine.state(), EngineState::Starting);
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    QCOMPARE(fixture.engine.endpoint().port, 9);
    QCOMPARE(fixture.engine.endpoint().token.size(), 64);
    QVERIFY(fixture.arguments().contains("serve --model " + fixture.folder.path().toLocal8Bit()));
    QVERIFY(fixture.arguments().contains("--exit-with-stdin"));
    QVERIFY(fixture.arguments().contains("--threads 2"));
    fixture.engine.reportHealth("ready", {});
    QCOMPARE(fixture.engine.state(), EngineState::Ready);
    QVERIFY(fixture.engine.secondsToReady() > 0);
    fixture.engine.stop();
    QCOMPARE(fixture.engine.state(), EngineState::Off);
    QVERIFY(!fixture.engine.endpoint().valid());
}

void TestEngine::tokenIsPrivateAndGone() {
    Fixture fixture(kServing);
    fixture.engine.start();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    QVERIFY(fixture.arguments().trimmed().endsWith("600"));
    QVERIFY(QDir(fixture.paths.runtime).entryList({"token-*"}).isEmpty());
}

void TestEngine::failureCarriesTheLog() {
    Fixture fixture(kFailing);
    Notices notices;
    StatusModel status;
    EngineLink link(fixture.engine);
    EngineReport report(fixture.engine, link, status, notices);
    fixture.engine.start();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Failed, kPatience);
    QCOMPARE(notices.all().size(), 1);
    QCOMPARE(notices.all().first().severity, Severity::Error);
    QVERIFY(notices.all().first().details.contains("sideways"));
    QCOMPARE(notices.all().first().actions.first().title, QString("Try again"));
}

void TestEngine::killedEngineIsLostAndRestarts() {
    Fixture fixture(kServing);
    Notices notices;
    StatusModel status;
    EngineLink link(fixture.engine);
    EngineReport report(fixture.engine, link, status, notices);
    fixture.engine.start();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    fixture.engine.reportHealth("ready", {});
    ::kill(static_cast<pid_t>(fixture.engine.processId()), SIGKILL);
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Lost, kPatience);
    QVERIFY(notices.all().first().text.contains("killed"));
    QVERIFY(notices.all().first().text.contains("kept"));
    notices.all().first().actions.first().run();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    QVERIFY(notices.all().isEmpty());
}

// It hears nothing: neither the signal nor the end of its input.
void TestEngine::anEngineThatTakesItsTimeToEndHoldsNobodyUp() {
    Fixture fixture(R"(#!/bin/sh
trap '' TERM
echo '{"event":"listening","host":"127.0.0.1","port":9,"pid":1}'
exec sleep 60
)");
    fixture.engine.start();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    const auto first = static_cast<pid_t>(fixture.engine.processId());
    fixture.engine.start();
    // Were it waited for, it would be gone here.
    QCOMPARE(::kill(first, 0), 0);
    QCOMPARE(fixture.engine.state(), EngineState::Starting);
    QVERIFY(!fixture.engine.endpoint().valid());
    QCOMPARE(fixture.engine.processId(), 0); // two at once would hold two models
    QTRY_VERIFY_WITH_TIMEOUT(fixture.engine.processId() != 0, kPatience);
    QVERIFY(::kill(first, 0) != 0);
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Loading, kPatience);
    const auto second = static_cast<pid_t>(fixture.engine.processId());
    fixture.engine.start();
    fixture.engine.stop(); // changed one's mind
    QCOMPARE(fixture.engine.state(), EngineState::Off);
    QTRY_VERIFY_WITH_TIMEOUT(::kill(second, 0) != 0, kPatience);
    QTest::qWait(50);
    QCOMPARE(fixture.engine.processId(), 0);
    QCOMPARE(fixture.engine.state(), EngineState::Off);
}

void TestEngine::missingProgramAndModelAreSaid() {
    Fixture fixture(kServing);
    qputenv("FULGURITE_ENGINE", "/nowhere/fulgurite-engine");
    fixture.engine.start();
    QTRY_COMPARE_WITH_TIMEOUT(fixture.engine.state(), EngineState::Failed, kPatience);
    QVERIFY(fixture.engine.message().contains("/nowhere/fulgurite-engine"));
}

void TestEngine::bytesAreReadable() {
    QCOMPARE(formatBytes(512), QString("512 B"));
    QCOMPARE(formatBytes(280.0 * 1024 * 1024), QString("280 MiB"));
    QCOMPARE(formatBytes(1.37 * 1024 * 1024 * 1024), QString("1.37 GiB"));
}

QTEST_MAIN(TestEngine)
#include "test_engine.moc"
