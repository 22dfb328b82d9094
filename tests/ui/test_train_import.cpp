// SPDX-License-Identifier: GPL-3.0-or-later
// Logs that are dropped on the Train page: they are read, and followed while they grow.
#include "tests/ui/train_window.h"
#include "ui/train/import_process.h"

#include <QDateTime>
#include <QDragEnterEvent>
#include <QDropEvent>
#include <QFile>
#include <QMimeData>
#include <QSignalSpy>
#include <QTest>

using namespace fulgurite;

namespace {
constexpr int kPatience = 30000;
}

class TestTrainImport : public QObject {
    Q_OBJECT

  private:
    static void append(const QString& path, int first, int last) {
        QFile file(path);
        QVERIFY(file.open(QIODevice::Append));
        for (int step = first; step <= last; ++step) {
            file.write(QStringLiteral("{\"step\": %1, \"loss\": 1}\n").arg(step).toUtf8());
        }
    }
    static void drop(QWidget& on, const QString& path) {
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(path)});
        QDragEnterEvent enter(QPoint(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&on, &enter); // without it a drop has no target
        QDropEvent event(QPointF(10, 10), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&on, &event);
    }

  private slots:
    void aDroppedLogIsFollowedWhileItGrows() {
        test::TrainWindow window;
        TrainPage& page = window.page();
        const QString log = window.folder.filePath(QStringLiteral("cluster.jsonl"));
        append(log, 1, 10);
        drop(page, log);
        const auto points = [&page] {
            return page.feed().runs()->empty() ? qint64(0) : page.feed().runs()->front().points;
        };
        QTRY_COMPARE_WITH_TIMEOUT(points(), qint64(10), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page.importer().followed(), QStringList(log), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page.feed().runs()->front().state, RunState::Running, kPatience);
        append(log, 11, 25);
        QTRY_COMPARE_WITH_TIMEOUT(points(), qint64(25), kPatience);
        // Another is read meanwhile.
        const QString other = window.folder.filePath(QStringLiteral("other.jsonl"));
        append(other, 1, 3);
        drop(page, other);
        QTRY_COMPARE_WITH_TIMEOUT(page.feed().runs()->size(), std::size_t(2), kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page.importer().followed().size(), qsizetype(2), kPatience);
        page.importer().stop(log);
        const auto state = [&page] {
            for (const RunInfo& run : *page.feed().runs()) {
                if (run.name == QLatin1String("cluster")) {
                    return run.state;
                }
            }
            return RunState::Deleted;
        };
        QTRY_COMPARE_WITH_TIMEOUT(state(), RunState::Done, kPatience);
        QTRY_COMPARE_WITH_TIMEOUT(page.importer().followed(), QStringList(other), kPatience);
    }

    void aLogThatHasLongEndedIsReadAndDone() {
        test::TrainWindow window;
        const QString log = window.folder.filePath(QStringLiteral("old.jsonl"));
        append(log, 1, 4);
        QFile file(log);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QVERIFY(file.setFileTime(QDateTime::currentDateTime().addDays(-1), QFileDevice::FileModificationTime));
        file.close();
        QSignalSpy imported(&window.page().importer(), &ImportProcess::imported);
        drop(window.page(), log);
        QTRY_COMPARE_WITH_TIMEOUT(imported.count(), 1, kPatience);
        QCOMPARE(imported[0][2].toBool(), false);
        QTRY_VERIFY_WITH_TIMEOUT(!window.page().feed().runs()->empty(), kPatience);
        QTRY_COMPARE(window.page().feed().runs()->front().state, RunState::Done);
        QVERIFY(window.page().importer().followed().isEmpty());
    }

    void whatIsNoLogIsSaid() {
        test::TrainWindow window;
        const QString noise = window.folder.filePath(QStringLiteral("noise.jsonl"));
        QFile file(noise);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("noise\nmore noise\n");
        file.close();
        QSignalSpy failed(&window.page().importer(), &ImportProcess::failed);
        drop(window.page(), noise);
        QTRY_COMPARE_WITH_TIMEOUT(failed.count(), 1, kPatience);
        QVERIFY2(failed[0][1].toString().contains(QStringLiteral("no JSON object")),
                 qPrintable(failed[0][1].toString()));
    }
};

QTEST_MAIN(TestTrainImport)
#include "test_train_import.moc"
