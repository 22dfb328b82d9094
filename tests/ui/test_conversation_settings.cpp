// SPDX-License-Identifier: GPL-3.0-or-later
// What a conversation is set to stays with it: sampler, system prompt, raw mode and node, also of the conversation
// that does not exist yet.
#include "tests/ui/conversation_bench.h"

#include <QJsonObject>
#include <QThread>

using namespace fulgurite;

class TestConversationSettings : public ConversationBench {
    Q_OBJECT

  private:
    QJsonObject lastSampler() const { return node_->generations().last()["sampler"].toObject(); }

  private slots:
    void init() { startAnew(); }
    void cleanup() { end(); }

    // Also what was set the moment before another conversation is opened.
    void settingsStayWithTheirConversation() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        send("two");
        const qint64 two = line().id;
        const SamplerSettings before = line().sampler;
        show(one);
        SamplerSettings changed = before;
        changed.temperature = 0.25;
        controller_->setSampler(changed);
        show(two);
        QVERIFY(line().sampler == before);
        QTest::qWait(800); // longer than a slider may move
        show(one);
        QCOMPARE(line().sampler.temperature, 0.25);
        beginAnother();
        QCOMPARE(line().sampler.temperature, 0.25); // what was chosen last
        show(one);
        changed.temperature = 0.75;
        controller_->setSampler(changed);
        beginAnother();
        QCOMPARE(line().sampler.temperature, 0.75);
        controller_.reset();
        start();
        show(two);
        QVERIFY(line().sampler == before);
        show(one);
        QCOMPARE(line().sampler.temperature, 0.75);
    }

    // Until it exists, and again where the message that brought it into being is undone.
    void whatIsSetForANewConversationIsKept() {
        send("one");
        const qint64 one = line().id;
        beginAnother();
        controller_->setSystemPrompt("Be short.");
        controller_->setRaw(true);
        controller_->setNode("elsewhere");
        SamplerSettings sampler = line().sampler;
        sampler.temperature = 0.25;
        controller_->setSampler(sampler);
        const auto isThere = [this] {
            QCOMPARE(line().system_prompt, QString("Be short."));
            QVERIFY(line().raw);
            QCOMPARE(line().node, QString("elsewhere"));
            QCOMPARE(line().sampler.temperature, 0.25);
        };
        show(one);
        QCOMPARE(line().system_prompt, QString());
        sampler.temperature = 0.75; // the last that was chosen, and not for the new one
        controller_->setSampler(sampler);
        beginAnother();
        isThere();
        controller_.reset();
        start();
        beginAnother();
        isThere();
        send("two");
        isThere();
        const qint64 two = line().id;
        beginAnother();
        QCOMPARE(line().system_prompt, QString()); // the next one begins anew
        QVERIFY(!line().raw);
        QCOMPARE(line().node, QString());
        show(two);
        controller_->undo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, qint64(0), kPatience);
        isThere();
        show(one);
        beginAnother();
        isThere();
        controller_->redo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, two, kPatience);
        isThere();
        beginAnother();
        QCOMPARE(line().system_prompt, QString());
        controller_->undo(); // seen from the next one, of which nothing has been set
        QTRY_COMPARE(line().system_prompt, QString("Be short."));
        QCOMPARE(line().id, qint64(0));
        isThere();
        controller_->redo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, two, kPatience);
        beginAnother();
        QCOMPARE(line().system_prompt, QString());
        // What has been set of the next one meanwhile is not written over.
        controller_->setSystemPrompt("Be long.");
        show(two);
        controller_->undo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, qint64(0), kPatience);
        QCOMPARE(line().system_prompt, QString("Be long."));
    }

    // Also where what came back with the undo was changed before that is redone.
    void aNodeIsKeptThroughUndoAndRedo() {
        controller_->setNode("elsewhere");
        send("one");
        const qint64 one = line().id;
        controller_->undo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, qint64(0), kPatience);
        QCOMPARE(line().node, QString("elsewhere"));
        controller_->setSystemPrompt("Be short.");
        controller_->redo();
        QTRY_COMPARE_WITH_TIMEOUT(line().id, one, kPatience);
        QCOMPARE(line().node, QString("elsewhere"));
        beginAnother();
        QCOMPARE(line().node, QString());
        QCOMPARE(line().system_prompt, QString("Be short."));
    }

    void whatIsSetWhileAConversationComesIntoBeingIsItsOwn() {
        controller_->store().post([](StoreSession&) { QThread::msleep(300); });
        controller_->send("one");
        SamplerSettings sampler = line().sampler;
        sampler.temperature = 0.25;
        controller_->setSampler(sampler);
        controller_->setSystemPrompt("Be short.");
        controller_->setRaw(true);
        controller_->setNode("elsewhere");
        settle();
        QTest::qWait(800); // longer than a slider may move
        const qint64 one = line().id;
        QVERIFY(one != 0);
        beginAnother();
        QCOMPARE(line().system_prompt, QString());
        QVERIFY(!line().raw);
        QCOMPARE(line().node, QString());
        show(one);
        QCOMPARE(line().system_prompt, QString("Be short."));
        QVERIFY(line().raw);
        QCOMPARE(line().node, QString("elsewhere"));
        QCOMPARE(line().sampler.temperature, 0.25);
    }

    void theModelRecommendsUntilSomebodyChooses() {
        client::EngineInfo recommends = FakeNode::info();
        recommends.model.sampling.temperature = 0.2;
        recommends.model.sampling.top_k = 40;
        QSignalSpy changed(controller_.get(), &ConversationController::modelSamplerChanged);
        controller_->setEngine(node_->connect(), recommends);
        QCOMPARE(changed.size(), 1);
        QCOMPARE(controller_->line().sampler.temperature, 0.2);
        QCOMPARE(controller_->line().sampler.top_p, SamplerSettings().top_p); // nothing is said about it
        send("question");
        QCOMPARE(lastSampler()["temperature"].toDouble(), 0.2);
        QCOMPARE(lastSampler()["top_k"].toInt(), 40);
        // Another model, another recommendation; a conversation that nobody set goes along.
        recommends.model.sampling.temperature = 0.7;
        controller_->setEngine(node_->connect(), recommends);
        send("again");
        QCOMPARE(lastSampler()["temperature"].toDouble(), 0.7);
        SamplerSettings chosen = controller_->line().sampler;
        chosen.temperature = 1.1;
        controller_->setSampler(chosen);
        controller_->store().wait();
        controller_.reset();
        start();
        recommends.model.sampling.temperature = 0.3;
        controller_->setEngine(node_->connect(), recommends);
        QCOMPARE(controller_->line().sampler.temperature, 1.1);
        send("explicit");
        QCOMPARE(lastSampler()["temperature"].toDouble(), 1.1);
        // Back to the recommendation, for good.
        controller_->setSampler(controller_->modelSampler());
        controller_.reset();
        start();
        recommends.model.sampling.temperature = 0.4;
        controller_->setEngine(node_->connect(), recommends);
        QCOMPARE(controller_->line().sampler.temperature, 0.4);
    }
};

QTEST_MAIN(TestConversationSettings)
#include "test_conversation_settings.moc"
