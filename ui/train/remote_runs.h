// SPDX-License-Identifier: GPL-3.0-or-later
// Runs of other nodes in the person's own runs file: copies that keep up with the nodes which the person follows,
// so that they stand in the list beside the runs of this computer. Each node is followed on a thread of its own.
#pragma once

#include "core/client/http_client.h"
#include "ui/base/courier.h"

#include <QHash>
#include <QObject>
#include <QSet>
#include <QStringList>

#include <map>
#include <memory>
#include <string>

namespace fulgurite {

class NodeHub;

class RemoteRuns : public QObject {
    Q_OBJECT

  public:
    // `hub`: null in a window that knows no other nodes. `file`: where the copies go.
    RemoteRuns(NodeHub* hub, const QString& file, QObject* parent = nullptr);
    ~RemoteRuns() override;

    struct Node {
        QString id;
        QString name;
        bool followed = false;
        QString problem; // why its runs do not come; empty: they do, or it is not followed
    };
    std::vector<Node> nodes() const; // in the order of the person's list

    const QSet<QString>& followed() const { return followed_; }
    void follow(const QString& id, bool wanted); // connects it where it is not
    void setFollowed(const QStringList& ids);    // as restored; connects none
    // Runs that were deleted here and are not to come again, by uuid.
    void leaveOut(const QString& uuid);
    const QStringList& leftOut() const { return left_out_; }
    void setLeftOut(const QStringList& uuids) { left_out_ = uuids; }

  signals:
    void changed();                      // who is followed, or what hinders it
    void came(const QString& id);        // runs of the node grew, or there are new ones
    void failed(const QString& message); // told once for each trouble

  private:
    class Follower;
    void followNode(const QString& id);
    void take(const QString& id, const QString& problem, bool news);

    NodeHub* hub_;
    QString file_;
    std::shared_ptr<Courier> courier_;
    QSet<QString> followed_;
    QStringList left_out_;
    QHash<QString, QString> problems_;
    std::map<QString, std::unique_ptr<Follower>> followers_;
};

} // namespace fulgurite
