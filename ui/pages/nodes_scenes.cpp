// SPDX-License-Identifier: GPL-3.0-or-later
// The Nodes page for the user guide: this computer's engine, a second engine of the same program, and an address
// where nothing listens.
#include "ui/engine/local_engine.h"
#include "ui/nodes/connect_panel.h"
#include "ui/nodes/node_hub.h"
#include "ui/nodes/node_list.h"
#include "ui/nodes/node_view.h"
#include "ui/pages/nodes_page.h"

#include <QFileInfo>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTimer>

namespace fulgurite {

namespace {
constexpr int kPollsMilliseconds = 3000;  // a few polls, so that the curve has points
constexpr int kAnswerMilliseconds = 1200; // an engine of this machine tells its models, or is tested, in less
constexpr int kUnused = 9;                // the discard service: nothing listens there
} // namespace

QList<PictureScene> NodesPage::pictureScenes() {
    const auto start = [this](const std::function<void()>& ready) {
        auto* node = new QProcess(this);
        scene_nodes_ << node;
        connect(node, &QProcess::readyReadStandardOutput, this, [this, node, ready] {
            const QJsonObject event = QJsonDocument::fromJson(node->readLine()).object();
            if (event["event"].toString() != QStringLiteral("listening"))
                return;
            NodeEntry second;
            second.name = tr("lab server");
            second.address = QStringLiteral("http://127.0.0.1:%1").arg(event["port"].toInt());
            hub_.add(second, {});
            NodeEntry away;
            away.name = tr("gpu-node");
            away.address = QStringLiteral("http://127.0.0.1:%1").arg(kUnused);
            hub_.add(away, {});
            choose(kLocalNode);
            QTimer::singleShot(kPollsMilliseconds, this, ready);
        });
        const QString model = LocalEngine::includedModel();
        node->start(LocalEngine::findProgram(), {"serve", "--model", model, "--models", QFileInfo(model).path(),
                                                 "--listen", "127.0.0.1:0", "--exit-with-stdin"});
    };
    return {{QStringLiteral("nodes"), start},
            {QStringLiteral("nodes-reconnecting"),
             [this](const std::function<void()>& ready) {
                 choose(hub_.book().entries().last().id);
                 QTimer::singleShot(500, this, ready);
             }},
            {QStringLiteral("nodes-models"),
             [this](const std::function<void()>& ready) {
                 choose(hub_.book().entries()[1].id);
                 view_->chooseModel();
                 QTimer::singleShot(kAnswerMilliseconds, this, ready);
             }},
            {QStringLiteral("nodes-connect"), [this](const std::function<void()>& ready) {
                 choose(hub_.book().entries()[1].id);
                 beginAdding();
                 connect_->setAddress(hub_.book().entries()[1].address);
                 connect_->test();
                 QTimer::singleShot(kAnswerMilliseconds, this, ready);
             }}};
}

} // namespace fulgurite
