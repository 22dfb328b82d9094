// SPDX-License-Identifier: GPL-3.0-or-later
// Text files that go with a message: read with their limits, shown as chips, joined into one text and taken apart
// again.
#include "ui/prompt/attachment_row.h"
#include "ui/prompt/composer.h"

#include <QDropEvent>
#include <QMimeData>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QUrl>

using namespace fulgurite;

class TestAttachments : public QObject {
    Q_OBJECT

  private slots:
    void aMessageComesApartAsItWasPutTogether() {
        const QList<Attachment> files{{QStringLiteral("notes.txt"), QStringLiteral("one\ntwo\n")},
                                      {QStringLiteral("with fence.md"), QStringLiteral("```\ncode\n`````\n")},
                                      {QStringLiteral("empty"), QString()}};
        for (const QString& text :
             {QStringLiteral("What is in them?"), QString(), QStringLiteral("line\n\nline\n")}) {
            for (qsizetype count = 0; count <= files.size(); ++count) {
                const ComposedMessage message{text, files.first(count)};
                const ComposedMessage split = splitMessage(joinMessage(message));
                QCOMPARE(split.text, text);
                QCOMPARE(split.attachments, message.attachments);
            }
        }
        for (const QString& other :
             {QStringLiteral("```\ncode\n```"), QStringLiteral("````text\nno name\n````"),
              QStringLiteral("a:\n````text\nnot closed\n```"), QStringLiteral("````"), QString()}) {
            QCOMPARE(splitMessage(other).text, other);
            QVERIFY(splitMessage(other).attachments.isEmpty());
        }
    }

    void filesAreReadWithinLimits() {
        const auto read = [this](const QByteArray& bytes) { return readAttachment(file("a.txt", bytes)); };
        QCOMPARE(read("na\xC3\xAFve\r\nend").value().text, QString::fromUtf8("na\xC3\xAFve\nend\n"));
        QCOMPARE(read("x").value().name, QStringLiteral("a.txt"));
        const auto refused = [&](const QByteArray& bytes, const char* why) {
            const auto outcome = read(bytes);
            QVERIFY(!outcome.ok());
            QVERIFY2(QByteArray(outcome.error().what()).contains(why), outcome.error().what());
            QVERIFY(QByteArray(outcome.error().what()).startsWith("a.txt was not attached: "));
        };
        refused("\xFF\xFE\x00", "not text in UTF-8");
        refused(QByteArray("a\0b", 3), "not text in UTF-8");
        refused(QByteArray(kMostAttachmentBytes + 1, 'x'), "at most");
        QVERIFY(read(QByteArray(kMostAttachmentBytes, 'x')).ok());
        QVERIFY(!readAttachment(folder_.path()).ok());
        QVERIFY(!readAttachment(folder_.filePath(QStringLiteral("nowhere"))).ok());
    }

    void droppedFilesBecomeChipsAndPartOfTheMessage() {
        Composer composer(themes_);
        composer.setTarget({QStringLiteral("ember"), {}, EngineReadiness::Ready, {}});
        composer.resize(600, 160);
        composer.show();
        QSignalSpy drafts(&composer, &Composer::draftChanged);
        QSignalSpy sent(&composer, &Composer::sendRequested);
        QMimeData data;
        data.setUrls({QUrl::fromLocalFile(file("list.txt", "pears\nplums\n"))});
        QDragEnterEvent enter(QPoint(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&composer, &enter);
        QVERIFY(enter.isAccepted());
        QDropEvent drop(QPointF(5, 5), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
        QCoreApplication::sendEvent(&composer, &drop);
        auto& row = *composer.findChild<AttachmentRow*>();
        QTRY_COMPARE(row.attachments().size(), 1);
        QVERIFY(row.isVisible());
        QCOMPARE(drafts.last().at(0).toString(), composer.text());
        auto* field = composer.findChild<QPlainTextEdit*>();
        field->setFocus();
        QTest::keyClicks(field, QStringLiteral("Count them"));
        QTest::keyClick(field, Qt::Key_Return);
        QCOMPARE(sent.size(), 1);
        const ComposedMessage message = splitMessage(sent.first().at(0).toString());
        QCOMPARE(message.text, QStringLiteral("Count them"));
        QCOMPARE(message.attachments.first().text, QStringLiteral("pears\nplums\n"));
        // A draft that was kept comes back with its chips.
        const QString kept = composer.text();
        composer.clear();
        QVERIFY(!row.isVisible() && row.attachments().isEmpty());
        composer.setText(kept);
        QCOMPARE(row.attachments().size(), 1);
        QCOMPARE(field->toPlainText(), QStringLiteral("Count them"));
        // Delete on the chip takes it out.
        auto* chip = row.findChild<QPushButton*>();
        QVERIFY(chip->accessibleName().startsWith(QStringLiteral("list.txt")));
        QTest::keyClick(chip, Qt::Key_Delete);
        QCOMPARE(composer.text(), QStringLiteral("Count them"));
    }

    void whatCannotBeAttachedIsToldAndNothingIsLost() {
        Composer composer(themes_);
        composer.setText(QStringLiteral("typed"));
        QSignalSpy failed(&composer, &Composer::attachFailed);
        composer.attach({file("picture.bin", QByteArray("\x89PNG\0", 5))});
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed.first().at(0).toString().contains(QStringLiteral("picture.bin")));
        QCOMPARE(composer.text(), QStringLiteral("typed"));
        const QString large = file("large.txt", QByteArray(kMostAttachmentBytes - 1, 'x'));
        composer.attach({large, large, large, large, large});
        QTRY_COMPARE(failed.size(), 2); // the fifth
        QVERIFY2(failed.last().at(0).toString().contains(QStringLiteral("would exceed")),
                 qPrintable(failed.last().at(0).toString()));
        QCOMPARE(composer.findChild<AttachmentRow*>()->attachments().size(), 4);
    }

  private:
    QString file(const char* name, const QByteArray& bytes) {
        const QString path = folder_.filePath(QLatin1String(name));
        QFile out(path);
        if (out.open(QIODevice::WriteOnly)) {
            out.write(bytes);
        }
        return path;
    }

    ThemeManager themes_;
    QTemporaryDir folder_;
};

QTEST_MAIN(TestAttachments)
#include "test_attachments.moc"
